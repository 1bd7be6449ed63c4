/** How it came that this node leads. */
export type TakeoverReason =
  /** Nobody led before, as far as this process knows. */
  | 'first'
  /** The leader had fallen silent for as long as everybody's promise to it lasted. */
  | 'holder-gone'
  /** The leader, or its guard, had said that it serves no more. */
  | 'resigned'
  /** The leader had named this node as its successor. */
  | 'handoff';

/** Why a leader gave its right up. */
export type GiveUpReason =
  /** No majority answered for as long as its promises lasted. */
  | 'right-expired'
  /** Another election has begun, or been won. */
  | 'higher-term'
  /** A person or this node's own trouble asked for another leader. */
  | 'handoff'
  | 'ineligible'
  | 'shutdown'
  /** The guard or the kernel withdrew first: the right is what the fences leave of it. */
  | 'fences-closed'
  /** Another process runs under this node's id (fencing.md A6). */
  | 'twin';

/** Why the role, the term's leader or both are others than before. */
export type RoleReason =
  | TakeoverReason
  | GiveUpReason
  | 'started'
  /** Heard from the leader of this term. */
  | 'leader-heard'
  /** The leader gave up what it had; a successor is being found. */
  | 'leader-resigned'
  /** Nothing heard from a leader in time. */
  | 'leader-silent'
  /** A majority would vote for this node. */
  | 'pre-vote-won'
  /** No majority could be had: the election starts again. */
  | 'election-lost'
  /** Another candidate of the same term goes first. */
  | 'ceded';

/** Why a handoff was not begun. Nothing was withdrawn. */
export type HandoffRefusal =
  | 'not-leader'
  /** No such voter, or this node itself. */
  | 'unknown-target'
  /** Nobody, or not the wanted one, was heard lately and can serve. */
  | 'no-eligible-peer';
