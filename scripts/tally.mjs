// Prints the last line of .ci/run: the sum of the steps' reports. A step without a report has failed.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { inRoot } from "./workspace.mjs"

const total = { passed: 0, failed: 0, skipped: 0 }
const problems = []

const fail = (problem) => {
  total.failed += 1
  problems.push(problem)
}

const read = (name) => {
  const path = inRoot("reports", name)
  return existsSync(path) ? readFileSync(path, "utf8") : undefined
}

const readJson = (name) => {
  try {
    return JSON.parse(read(name) ?? "null")
  } catch {
    return null
  }
}

/** Counts a step by its exit code alone. */
const single = (step) => {
  const exit = read(`${step}.exit`)?.trim()
  if (exit === "0") total.passed += 1
  else fail(exit === undefined ? `${step}: did not run` : `${step}: exit ${exit}`)
}

/** Counts a step by its report; a bad exit code that the report does not explain is one more failure. */
const reported = (step, count) => {
  const exit = read(`${step}.exit`)?.trim()
  const failedBefore = total.failed
  const counted = count()
  if (!counted) fail(`${step}: left no report (exit ${exit ?? "unknown"})`)
  else if (exit !== "0" && total.failed === failedBefore) fail(`${step}: exit ${exit ?? "unknown"}`)
}

const suite = (step) => () => {
  const report = readJson(`${step}.json`)
  if (typeof report?.skipped === "string") {
    total.skipped += 1
    return true
  }
  if (!Array.isArray(report?.checks) || report.checks.length === 0) return false
  for (const check of report.checks) {
    if (check.passed) total.passed += 1
    else fail(`${step}: ${check.name}`)
  }
  return true
}

const tests = (step, name) => () => {
  const report = readJson(name)
  if (!Array.isArray(report?.testResults) || report.testResults.length === 0) return false
  for (const file of report.testResults) {
    const failedBefore = total.failed
    for (const test of file.assertionResults) {
      if (test.status === "passed") total.passed += 1
      else if (test.status === "failed") fail(`${step}: ${file.name}: ${test.fullName}`)
      else total.skipped += 1
    }
    // a file that could not be loaded has no tests to fail
    if (file.status === "failed" && total.failed === failedBefore)
      fail(`${step}: ${file.name}: ${file.message ?? "failed"}`)
  }
  return true
}

const allTests = () => {
  const counted = tests("test", "vitest.json")()
  const ran = new Set(readJson("vitest.json")?.testResults?.map((file) => file.name))
  if (counted) for (const file of testFiles()) if (!ran.has(file)) fail(`test: ${file}: did not run`)
  return counted
}

const testFiles = () =>
  readdirSync(inRoot("packages"))
    .map((name) => inRoot("packages", name, "test"))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
    .filter((file) => file.endsWith(".test.ts"))

reported("test", allTests)
single("types")
reported("diagnostics", suite("diagnostics"))
single("lint")
reported("structure", suite("structure"))
single("format")
single("build")
single("docs")
reported("smoke", tests("smoke", "smoke.json"))
reported("conformance", suite("conformance"))
reported("packages", suite("packages"))
reported("page", suite("page"))
reported("monitoring", suite("monitoring"))
reported("drill", suite("drill"))
reported("shells", suite("shells"))

for (const problem of problems) console.log(`failed: ${problem.replaceAll(/\s+/g, " ").slice(0, 300)}`)
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ""
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
process.exit(total.failed > 0 ? 1 : 0)
