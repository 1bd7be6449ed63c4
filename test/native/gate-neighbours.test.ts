import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { loadBinding, nativeExecutable } from '../../src/dataplane/binding.ts';
import type { Gate, GateShape } from '../../src/dataplane/gate.ts';
import { holdNamespace, type Namespace } from '../../src/demo/namespace.ts';
import { inNamespaces, needsLab } from '../lab/namespaces.ts';
import {
  far,
  type GateRig,
  inside,
  neighbour,
  openGateRig,
  reaches,
  sh,
  TESTING,
  VIP4,
  VIP6,
} from './gate-rig.ts';

/** What others on the network see of a gate that is closed: fencing.md, C1 and C2. */

let rig: GateRig;

beforeAll(async () => {
  if (!inNamespaces) return;
  rig = await openGateRig('near');
});

afterEach(async () => {
  if (inNamespaces) await rig.tidy();
});

afterAll(async () => {
  if (inNamespaces) await rig.close();
});

const SHAPES: readonly GateShape[] = ['netdev', 'inet'];
const NEW_HOLDER = '02:00:00:00:00:99';

async function armed(shape: GateShape): Promise<Gate> {
  const testing = TESTING[shape];
  const gate = await rig.open({ ...(testing && { testing }) });
  await gate.arm(rig.vips());
  return gate;
}

/** The client has heard of the new holder; then this node's own sockets speak from the VIPs. */
function speakAsOldHolder(): (string | undefined)[] {
  const { farLink, link } = rig.segment;
  far(rig.segment, `echo 0 > /proc/sys/net/ipv4/neigh/${farLink.name}/locktime`);
  for (const vip of [VIP4, VIP6]) {
    const entry = `${vip} lladdr ${NEW_HOLDER} dev ${farLink.name} nud reachable`;
    far(rig.segment, `ip neigh replace ${entry}`);
  }
  // Whom it speaks to, it has to ask for first: with the VIP as the one who asks.
  sh(`ip neigh flush dev ${link.name}`);
  for (const [vip, client] of [
    [VIP4, '192.0.2.2'],
    [VIP6, '2001:db8::2'],
  ]) {
    sh(`ping -c2 -i0.2 -W0.3 -n -I ${vip} ${client} || true`);
  }
  return [VIP4, VIP6].map((vip) => neighbour(rig.segment, vip));
}

/** Links that are made later have it as well: other files' tests share this network. */
function setForwarding(value: 0 | 1): void {
  sh(`echo ${value} > /proc/sys/net/ipv4/ip_forward`);
  sh(`echo ${value} > /proc/sys/net/ipv6/conf/all/forwarding`);
}

for (const shape of SHAPES) {
  needsLab(`${shape}: an expired holder that speaks from a VIP does not take it back`, async () => {
    const gate = await armed(shape);
    await rig.bind();
    rig.deadlineIn(60_000);
    await gate.acquire();
    await gate.close();
    expect(speakAsOldHolder()).toEqual([NEW_HOLDER, NEW_HOLDER]);
    // That it would without the gate shows that this test can see it.
    await gate.remove();
    const { mac } = rig.segment.link;
    expect(speakAsOldHolder()).toEqual([mac, mac]);
  });

  needsLab(`${shape}: a VIP is not answered for on another link`, async () => {
    const gate = await armed(shape);
    await rig.bind();
    rig.deadlineIn(60_000);
    await gate.acquire();
    const other = await openPod('other', 'other', 6);
    try {
      sh('ip address add 198.51.100.1/24 dev other');
      inside(other, 'ip address add 198.51.100.2/24 dev eth0; ip route add 192.0.2.0/24 dev eth0');
      inside(other, `ping -c1 -W0.5 -n ${VIP4} || true`);
      expect(inside(other, `ip neigh show ${VIP4}`)).not.toContain('lladdr');
      expect(reaches(rig.segment, VIP4)).toBe(true);
      await gate.remove();
      // Forgotten first: who has asked in vain asks again only a second later.
      inside(other, `ip neigh flush dev eth0; ping -c1 -W3 -n ${VIP4} || true`);
      expect(inside(other, `ip neigh show ${VIP4}`)).toContain('lladdr');
    } finally {
      await closePod(other, 'other');
    }
  });

  needsLab(`${shape}: a standby's pods reach a VIP that another node holds`, async () => {
    const gate = await armed(shape);
    const pod = await openPod('pod', 'pod', 7);
    try {
      holdFar();
      sh('ip address add 10.7.0.1/24 dev pod; ip address add 2001:db8:7::1/64 dev pod nodad');
      inside(pod, 'ip address add 10.7.0.2/24 dev eth0; ip route add default via 10.7.0.1');
      inside(pod, 'ip address add 2001:db8:7::2/64 dev eth0 nodad');
      inside(pod, 'ip -6 route add default via 2001:db8:7::1');
      setForwarding(1);
      far(rig.segment, 'ip route replace 10.7.0.0/24 via 192.0.2.1');
      far(rig.segment, 'ip -6 route replace 2001:db8:7::/64 via 2001:db8::1');
      for (const vip of [VIP4, VIP6]) inside(pod, `ping -c1 -W2 -n ${vip}`);
      await gate.remove();
      await leaveTables(shape);
      for (const vip of [VIP4, VIP6]) inside(pod, `ping -c1 -W2 -n ${vip}`);
    } finally {
      setForwarding(0);
      letGoFar();
      await closePod(pod, 'pod');
    }
  });

  needsLab(`${shape}: machines that a standby bridges reach a VIP held elsewhere`, async () => {
    const vm = await openPod('vm', 'vm', 8);
    const { link } = rig.segment;
    try {
      holdFar();
      // As on every node of Kubernetes: what is bridged passes the hooks of IP as well.
      sh(
        'cd /proc/sys/net/bridge && for on in bridge-nf-call-*tables; do echo 1 > $on; done || true',
      );
      sh(`ip link add br8 type bridge; ip link set br8 up; ip link set vm master br8`);
      sh(`ip address flush dev ${link.name}; ip link set ${link.name} master br8`);
      sh('ip address add 192.0.2.1/24 dev br8; ip address add 2001:db8::1/64 dev br8 nodad');
      inside(vm, 'ip address add 192.0.2.8/24 dev eth0');
      inside(vm, 'ip address add 2001:db8::8/64 dev eth0 nodad');
      const bridge = (await rig.kernel.links()).find(({ name }) => name === 'br8');
      if (bridge === undefined) throw new Error('there is no bridge');
      const testing = TESTING[shape];
      const gate = await rig.open({ ...(testing && { testing }) });
      await gate.arm(rig.vips().map((vip) => ({ ...vip, linkIndex: bridge.index, link: 'br8' })));
      expect(gate.armed.length).toBe(2);
      for (const vip of [VIP4, VIP6]) inside(vm, `ping -c1 -W2 -n ${vip}`);
    } finally {
      letGoFar();
      sh(`ip link set ${link.name} nomaster; ip link delete br8`);
      await closePod(vm, 'vm');
      await rig.relay();
    }
  });
}

/** Another network, whose eth0 is the far end of our `name`. */
async function openPod(netns: string, name: string, id: number): Promise<Namespace> {
  const pod = await holdNamespace(nativeExecutable('fairlead-netns'), netns);
  const binding = loadBinding();
  const here = binding.openKernel({});
  await binding.createVeth(here, { name, peerName: 'eth0', peerNetns: pod.path });
  await binding.setLink(here, { name, up: true });
  binding.closeKernel(here);
  inside(pod, `ip link set lo up; ip link set eth0 address 02:00:00:00:00:${id} up`);
  return pod;
}

async function closePod(pod: Namespace, name: string): Promise<void> {
  sh(`ip link delete ${name}`);
  await pod.close();
}

/** The client is the holder. */
function holdFar(): void {
  const { name } = rig.segment.farLink;
  far(rig.segment, `ip address add ${VIP4}/32 dev ${name}`);
  far(rig.segment, `ip address add ${VIP6}/128 dev ${name} nodad`);
}

function letGoFar(): void {
  const { name } = rig.segment.farLink;
  far(rig.segment, `ip address del ${VIP4}/32 dev ${name}`);
  far(rig.segment, `ip address del ${VIP6}/128 dev ${name}`);
}

/** What a process of ours leaves that is killed. */
async function leaveTables(shape: GateShape): Promise<void> {
  const binding = loadBinding();
  const options = { table: 'fairlead', timeoutMs: 300, page: rig.page };
  const left = binding.openGate(options, TESTING[shape]);
  await binding.createGate(left);
  await binding.armGate(
    left,
    rig.vips().map(({ linkIndex, link, address }) => ({ link: linkIndex, name: link, address })),
  );
  binding.releaseGate(left);
}
