#!/usr/bin/env node
'use strict';
// Starts the bundled program. Stays within the syntax of Node 12, so that an old version says
// what is missing, and not where a token is unexpected.

var fs = require('fs');
var path = require('path');

var main = path.join(__dirname, '..', 'dist', 'main.js');
var version = process.versions.node.split('.').map(Number);

if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
  refuse(
    'needs Node.js 20.19 or later; this is ' +
      process.versions.node +
      ' (' +
      process.execPath +
      ')',
  );
} else if (!fs.existsSync(main)) {
  refuse('is not built yet: run "npm run setup" in ' + path.join(__dirname, '..'));
} else {
  void import(require('url').pathToFileURL(main).href);
}

function refuse(why) {
  process.stderr.write('fairlead ' + why + '\n');
  process.exitCode = 2;
}
