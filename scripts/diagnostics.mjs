// Proves that the compiler and the linter still apply their rules: every planted mistake in scripts/diagnostics must be
// reported. Fails if the Effect patch of the compiler is missing, if a rule was renamed upstream, and if
// tsconfig.base.json requires a rule for which no mistake is planted.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { startSuite } from "./checks.mjs"
import { inRoot, run, tool } from "./workspace.mjs"

const suite = startSuite("diagnostics", { showPassed: false })

const fixtures = inRoot("scripts", "diagnostics")

const compilerFindings = async (project) => {
  const { stdout, stderr } = await run(tool("tsc"), ["-p", join(fixtures, project), "--pretty", "false"])
  const findings = []
  let where
  for (const line of `${stdout}\n${stderr}`.split("\n")) {
    const start = /^(\S.*?)\((\d+),\d+\): error TS\d+/.exec(line)
    if (start !== null) where = { file: inRoot(start[1]), line: Number(start[2]) }
    const rule = / effect\((\w+)\)$/.exec(line)
    if (rule !== null && where !== undefined) findings.push({ ...where, rule: rule[1] })
  }
  return findings
}

// The rules about packages depend on paths, so the mistakes are linted in a copy that has the workspace's layout.
const lintFindings = async (folder) => {
  const copy = mkdtempSync(join(tmpdir(), "lms-bridge-lint-"))
  try {
    cpSync(join(fixtures, folder), copy, { recursive: true })
    cpSync(inRoot(".oxlintrc.json"), join(copy, ".oxlintrc.json"))
    const { stdout } = await run(tool("oxlint"), ["--format", "unix", "."], { cwd: copy })
    return stdout.split("\n").flatMap((line) => {
      const found = /^(.+?):(\d+):\d+: .*\[\w+\/([\w-]+)\(([\w-]+)\)\]$/.exec(line)
      if (found === null) return []
      const rule = found[3] === "eslint" ? found[4] : `${found[3]}/${found[4]}`
      return [{ file: join(fixtures, folder, found[1]), line: Number(found[2]), rule }]
    })
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** The marks of a folder. Each covers the lines from itself to the next mark. */
const marksOf = (folder) =>
  readdirSync(join(fixtures, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .flatMap((entry) => {
      const file = join(entry.parentPath ?? entry.path, entry.name)
      const lines = readFileSync(file, "utf8").split("\n")
      const marks = lines.flatMap((text, index) => {
        const mark = /^\s*\/\/ expect: (\S+)$/.exec(text)
        return mark === null ? [] : [{ file, rule: mark[1], from: index + 1 }]
      })
      return marks.map((mark, index) => ({ ...mark, to: marks[index + 1]?.from ?? lines.length }))
    })

const covers = (mark, finding) =>
  finding.file === mark.file && finding.rule === mark.rule && finding.line >= mark.from && finding.line <= mark.to

const place = ({ file, from, line }) => `${relative(fixtures, file)}:${from ?? line}`

const demandedRules = (config) => {
  const text = readFileSync(inRoot(config), "utf8")
  const severities = JSON.parse(text).compilerOptions.plugins[0].diagnosticSeverity
  return Object.keys(severities).filter((rule) => severities[rule] === "error")
}

const groups = [
  { folder: "effect", findings: await compilerFindings("tsconfig.effect.json") },
  { folder: "effect-tests", findings: await compilerFindings("tsconfig.effect-tests.json") },
  { folder: "lint", findings: await lintFindings("lint") }
]

const planted = new Set()
for (const { folder, findings } of groups) {
  for (const mark of marksOf(folder)) {
    planted.add(mark.rule)
    const fired = findings.some((finding) => covers(mark, finding))
    suite.record(
      `${mark.rule} fires at ${place(mark)}`,
      fired
        ? undefined
        : findings.length > 0
          ? "silent"
          : "silent, like every other rule: is the compiler patched (effect-tsgo patch)?"
    )
  }
}

for (const rule of new Set([...demandedRules("tsconfig.base.json"), ...demandedRules("tsconfig.test.base.json")])) {
  if (!planted.has(rule)) suite.record(`${rule} has a planted mistake`, "none in scripts/diagnostics; plant one")
}

const lint = groups.find((group) => group.folder === "lint")
const marks = marksOf("lint")
const surplus = lint.findings.filter((finding) => !marks.some((mark) => covers(mark, finding)))
suite.record(
  "the linter reports nothing beyond the planted mistakes",
  surplus.length === 0 ? undefined : surplus.map((finding) => `${finding.rule} at ${place(finding)}`).join("\n")
)

process.exit(suite.finish())
