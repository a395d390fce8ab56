// Named checks: each is printed, and all are written to reports/<suite>.json for the tally of .ci/run.
import { mkdirSync, writeFileSync } from "node:fs"
import { inRoot } from "./workspace.mjs"

export const startSuite = (suite, { showPassed = true } = {}) => {
  const checks = []

  const write = (report) => {
    mkdirSync(inRoot("reports"), { recursive: true })
    writeFileSync(inRoot("reports", `${suite}.json`), JSON.stringify(report, null, 2))
  }

  const record = (name, problem) => {
    checks.push({ name, passed: problem === undefined, ...(problem === undefined ? {} : { problem }) })
    if (problem !== undefined) console.log(`  FAIL  ${name}\n${indent(problem)}`)
    else if (showPassed) console.log(`  ok    ${name}`)
  }

  return {
    record,
    /** Reports that the suite cannot run here, and why; the exit code says that nothing failed. */
    skip: (why) => {
      write({ suite, checks, skipped: why })
      console.log(`${suite}: skipped, ${why}`)
      return 0
    },
    /** Writes the report and returns the exit code; a suite without checks has failed. */
    finish: () => {
      const failed = checks.filter((check) => !check.passed).length
      write({ suite, checks })
      console.log(`${suite}: ${checks.length - failed} passed, ${failed} failed`)
      return failed > 0 || checks.length === 0 ? 1 : 0
    }
  }
}

const indent = (text) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => `        ${line}`)
    .join("\n")
