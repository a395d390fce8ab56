// Generates docs/resilience.md from the reports of the scenario tests: every failure, and what the user sees.
import { readFile } from "node:fs/promises"

const files = ["loading", "concurrency", "exhaustion", "edges", "wire", "process", "waiting"]

const classes = [
  ["model loading", "Model loading"],
  ["concurrency", "Concurrency"],
  ["resource exhaustion", "Resource exhaustion"],
  ["edge cases", "Edge cases"],
  ["wire failures", "Wire failures"],
  ["process failures", "Process failures"]
]

/** The quirks of LM Studio: the rows of part H of the contract. */
const quirksOf = (contract) =>
  Object.fromEntries(
    [...contract.matchAll(/^\| (H\d+) \| (.+) \| [^|]+ \|$/gm)].map(([, quirk, what]) => [quirk, what])
  )

/** Quirks that no scenario can show, and why. */
const notApplicable = {
  H22: 'not applicable: such a reply cannot be distinguished from a complete one. An answer that says "length" is continued (wire/answer-cut-at-its-length).'
}

const head = `# When something fails

These tables show what the user sees for each failure. The tests generate them: each row is a test that causes the failure
on a simulated LM Studio, beneath the real services of lms-bridge, and records the resulting sentence. After every test, the
rules of lms-bridge must also hold: at most one load of a model at a time, no unload of a busy model or of one that the user
loaded (unless forced), no load without an idle limit, and never the name \`default\` in a request.

\`goes on\` means that lms-bridge handled the failure, and the last column says how; any other result is the tag of the error,
with its message. The scenarios are in \`packages/core/test/scenarios\`; \`npm test\` and then \`npm run docs\` regenerate this
page.`

const cell = (text) =>
  text
    .replaceAll("\\", "\\\\")
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;")
    .replaceAll(/\s*\n\s*/g, " ")
const row = (...cells) => `| ${cells.map(cell).join(" | ")} |`

const report = async (name) => {
  const text = await readFile(new URL(`../reports/scenarios/${name}.json`, import.meta.url), "utf8").catch(() => {
    throw new Error(`The report of the ${name} scenarios is missing: run \`npm test\` first.`)
  })
  const { expected, rows } = JSON.parse(text)
  if (rows.length !== expected) {
    throw new Error(
      `The report of the ${name} scenarios has ${rows.length} of ${expected} rows: run \`npm test\` first.`
    )
  }
  return rows
}

/** The page. Fails if there are too few scenarios, or if a class or a quirk is not covered. */
export const page = async () => {
  const rows = (await Promise.all(files.map(report))).flat()
  const quirks = quirksOf(await readFile(new URL("../docs/lmstudio.md", import.meta.url), "utf8"))
  const coveredBy = (quirk) => rows.filter((one) => one.quirks.includes(quirk)).map(({ id }) => id)
  const problems = [
    ...(rows.length < 60 ? [`There are ${rows.length} scenarios, fewer than 60.`] : []),
    ...classes.filter(([name]) => !rows.some((one) => one.class === name)).map(([name]) => `No scenario of ${name}.`),
    ...rows
      .filter((one) => !classes.some(([name]) => name === one.class))
      .map(({ id }) => `${id} has an unknown class.`),
    ...rows.flatMap(({ id, quirks: named }) =>
      named.filter((quirk) => !(quirk in quirks)).map((quirk) => `${id} names ${quirk}.`)
    ),
    ...Object.keys(quirks)
      .filter((quirk) => coveredBy(quirk).length > 0 === quirk in notApplicable)
      .map((quirk) => `${quirk} needs a scenario or a reason, and not both.`)
  ]
  if (problems.length > 0) throw new Error(problems.join("\n"))
  const tables = classes.map(([name, title]) => [
    `## ${title}`,
    "",
    row("scenario", "what goes wrong", "result", "what the user sees"),
    row("---", "---", "---", "---"),
    ...rows.filter((one) => one.class === name).map(({ given, id, result, seen }) => row(id, given, result, seen)),
    ""
  ])
  return [
    head,
    "",
    `${rows.length} scenarios.`,
    "",
    ...tables.flat(),
    "## Known quirks of LM Studio",
    "",
    row("", "what LM Studio does", "shown by"),
    row("---", "---", "---"),
    ...Object.entries(quirks).map(([quirk, what]) =>
      row(quirk, what, notApplicable[quirk] ?? coveredBy(quirk).join(", "))
    ),
    ""
  ].join("\n")
}
