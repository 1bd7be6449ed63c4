'use strict';
// Says whether a step's inputs changed since it last succeeded: by content, since a git checkout or
// a copied folder moves every time stamp. A stamp is written last, when the outputs are in place.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

/** Every file below `folder`, relative to `root`, in a fixed order. */
function filesBelow(root, folder) {
  const entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true });
  return entries
    .map((entry) => ({ entry, name: folder + '/' + entry.name }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .reduce((files, { entry, name }) => {
      return files.concat(entry.isDirectory() ? filesBelow(root, name) : [name]);
    }, []);
}

/** One hash over the files (a folder stands for all below it) and over further words. */
function fingerprint(root, inputs, words) {
  const hash = crypto.createHash('sha256');
  for (const input of inputs) {
    const isFolder = fs.statSync(path.join(root, input)).isDirectory();
    for (const file of isFolder ? filesBelow(root, input) : [input]) {
      const content = fs.readFileSync(path.join(root, file));
      hash.update(JSON.stringify([file, content.length])).update(content);
    }
  }
  return hash.update(JSON.stringify(words)).digest('hex');
}

/** The text of a stamp, or '' when there is none. */
function readStamp(file) {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Writes a stamp whole or not at all. */
function writeStamp(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const draft = file + '.' + process.pid;
  fs.writeFileSync(draft, text + '\n');
  fs.renameSync(draft, file);
}

function removeFile(file) {
  try {
    fs.unlinkSync(file);
  } catch (err) {
    if (err.code !== 'ENOENT') throw err;
  }
}

module.exports = { fingerprint, readStamp, removeFile, writeStamp };
