// Prints "PASSED FAILED" of a test report, and writes the names of the tests that failed to a file.
// A skipped test counts as failed: here there is no excuse.
import { readFileSync, writeFileSync } from 'node:fs';

const [report, failedTests] = process.argv.slice(2);
const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
const passed = tests.filter(({ status }) => status === 'passed');
const failed = tests
  .filter(({ status }) => status !== 'passed')
  .map(({ fullName, status }) => (status === 'failed' ? fullName : `${fullName} (${status})`));
// A file that could not even be loaded has no tests to fail.
for (const { name, status, assertionResults } of testResults) {
  if (status === 'failed' && assertionResults.length === 0) failed.push(name);
}
writeFileSync(failedTests, failed.map((name) => `${name}\n`).join(''));
console.log(`${passed.length} ${failed.length}`);
