// docs/resilience.md from what the scenario tests report: every failure, and what the user sees.
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

/** What LM Studio is known to do, by the numbers that the tests name. */
const quirks = {
  H1: "an unknown route answers 200 with an error text",
  H2: "parallel first requests load a model several times",
  H3: "`lms load` of a loaded model adds a copy `:2` and exits 0",
  H4: "with one model loaded, it answers for any name",
  H5: 'just-in-time loading is on and answers "No models loaded"',
  H6: "unloading an unknown id exits 0",
  H7: "a tool call is left in the text",
  H8: "a tool call that does not parse is dropped, with an empty reply",
  H9: 'parallel tool calls: "Extra content after end of tool call"',
  H10: "the tool-call parser reads inside the thinking",
  H11: 'a tool call with the id "" and no function',
  H12: "empty names in the later pieces of a tool call",
  H13: 'arguments that are invalid JSON, cut or ""',
  H14: "thinking in three places",
  H15: "errors inside a stream after HTTP 200, string or object; no `[DONE]`",
  H16: "five wordings of context overflow",
  H17: "`previous_response_id` is not found",
  H18: "the store of past responses is damaged",
  H19: "the memory guardrail refuses",
  H20: "too little GPU memory shows only as SIGABRT",
  H21: "a queued request comes back empty",
  H22: 'a long answer stops at 10 to 16 thousand tokens and says "stop"',
  H23: "after a disconnect the server finishes the prompt first",
  H24: "a model that was loaded again is listed twice",
  H25: "tool names are turned into snake_case for the model",
  H26: 'odd tool schemas: "failed to parse grammar"',
  H27: "an object as `tool_choice` and `json_object` are refused",
  H28: "`lms load` does its work and does not exit",
  H29: "most `lms` commands start LM Studio when it is off",
  H30: "`/api/v1` refuses unknown keys",
  H31: "`/v1/responses` and `/v1/messages` ignore JSON schemas",
  H32: "one fault has other codes and shapes on other routes",
  H33: "`top_p: false` and `input_tokens: 0` in responses",
  H34: "embeddings are cut silently and count 0 tokens"
}

/** Quirks that no scenario can show, and why. */
const notApplicable = {
  H22: 'not applicable: such a reply cannot be told from one that is complete. An answer that says "length" is continued (wire/answer-cut-at-its-length).'
}

const head = `# When something fails

What a user sees in each of these cases. The tables are written by the tests: each row is a test that brings the failure
about on a simulated LM Studio, with the real services of lms-bridge over it, and records the sentence that comes out.
After every one the tests also hold lms-bridge to its rules: at most one load of a model at a time, no busy model and no
model of the user's unloaded (unless by force), no load without a limit on its idle time, and never the name \`default\`
in a request.

\`goes on\` means that lms-bridge dealt with it, and the last column says what came of it; any other result is the tag of the
error, with its message. The scenarios are in \`packages/core/test/scenarios\`; \`npm test\` and then \`npm run docs\` write this
page anew.`

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

/** The page; fails when the scenarios are too few, or a class or a quirk is not covered. */
export const page = async () => {
  const rows = (await Promise.all(files.map(report))).flat()
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
    "## Known oddities of LM Studio",
    "",
    row("", "what LM Studio does", "shown by"),
    row("---", "---", "---"),
    ...Object.entries(quirks).map(([quirk, what]) =>
      row(quirk, what, notApplicable[quirk] ?? coveredBy(quirk).join(", "))
    ),
    ""
  ].join("\n")
}
