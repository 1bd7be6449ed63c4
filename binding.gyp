{
  "variables": {
    "sanitize%": "",
    "warnings": [
      "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wconversion", "-Wsign-conversion",
      "-Wnon-virtual-dtor"
    ],
    # The executables carry their C library with them where a static one is installed (libc6-dev has it
    # on Debian, glibc-static on Fedora): a prebuilt one then runs on any distribution.
    "static_flag": "<!(printf 'int main(){}' | ${CXX:-g++} -x c++ -static -o /dev/null - 2>/dev/null && echo -static || true)"
  },
  "target_defaults": {
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-std=c++17"],
    "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden", "-O2", "<@(warnings)"],
    "include_dirs": ["native"],
    "conditions": [
      ["sanitize!=''", {
        "cflags_cc": ["-fsanitize=<(sanitize)", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-g", "-O1"],
        "ldflags": ["-fsanitize=<(sanitize)"]
      }]
    ]
  },
  "targets": [
    {
      "target_name": "fairlead",
      "sources": [
        "native/addon.cc",
        "<!@(node -p \"['base','netlink','packet','balance','forward','nft','gate','binding'].flatMap(d => require('fs').readdirSync('native/' + d).filter(f => f.endsWith('.cc')).map(f => 'native/' + d + '/' + f)).join(' ')\")"
      ],
      # As system headers, which our warnings do not judge. make runs in build/, and every path is
      # relative: the generated makefiles do not quote one that holds a space.
      "cflags_cc": ["-isystem", "../<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        # A worker that is being terminated runs no JavaScript, so it can be thrown nothing.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "ldflags": [
        "-Wl,-z,relro,-z,now",
        "-Wl,--gc-sections",
        "-Wl,--version-script=../native/exports.map"
      ]
    },
    {
      # Runs beside the daemon and withdraws when the daemon cannot; nothing of Node is in it.
      "target_name": "fairlead-guard",
      "type": "executable",
      "sources": ["<!@(node -p \"require('fs').readdirSync('native/guard').filter(f => f.endsWith('.cc')).map(f => 'native/guard/' + f).join(' ')\")"],
      "conditions": [["sanitize==''", { "ldflags": ["<(static_flag)"] }]]
    },
    {
      # Runs a command in namespaces of its own: the demo's and the tests' network.
      "target_name": "fairlead-netns",
      "type": "executable",
      "sources": ["<!@(node -p \"require('fs').readdirSync('native/netns').filter(f => f.endsWith('.cc')).map(f => 'native/netns/' + f).join(' ')\")"],
      "conditions": [["sanitize==''", { "ldflags": ["<(static_flag)"] }]]
    }
  ]
}
