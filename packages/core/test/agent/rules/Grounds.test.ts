import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as World from "../doubles.ts"

const { only, outcomeOf, run, task, text, tool } = World

const bound = (changes = {}) => task({ toolForm: "bound", ...changes })
const step = (name: string, args: unknown) => JSON.stringify({ tool: name, arguments: args })
const says = (words: string) => step("answer", { text: words })

const files: Readonly<Record<string, string>> = {
  "/d/people.txt": "Anna, 31, Berlin\nBen, 44, Rome",
  "/d/orders.txt": "4711 Lamp 2",
  "/d/fir.txt": "On hold until May."
}

const reads = { annotations: { readOnly: true } }
const read = {
  ...tool(({ path }) => {
    const found = files[String(path)]
    return Effect.succeed(found === undefined ? text("No such file.", true) : text(found))
  }),
  ...reads
}
const find = { ...tool(() => Effect.succeed(text("No matches found"))), ...reads }
const list = { ...tool(() => Effect.succeed(text("[DIR] 2024\n[DIR] 2025"))), ...reads }
const tree = { ...tool(() => Effect.succeed(text("2024/q2/invoice-77.txt"))), ...reads }
const write = tool(() => Effect.succeed(text("Written.")))
const failing = tool(() => Effect.succeed(text("Entity not found.", true)))
const adding = { ...write, annotations: { destructive: false } }

const main = { read, find, list }

describe("an answer that rests on nothing", () => {
  const cases: ReadonlyArray<{
    readonly is: string
    readonly task: string
    readonly turns: ReadonlyArray<string>
    readonly status: "done" | "failed"
    readonly names?: string
  }> = [
    {
      is: "about somebody whom the file does not name",
      task: "By /d/people.txt, how old is Carla?",
      turns: [step("read", { path: "/d/people.txt" }), says("Carla is 31 years old.")],
      status: "failed",
      names: '"Carla"'
    },
    {
      is: "that owns up that somebody is not in the file",
      task: "By /d/people.txt, how old is Carla?",
      turns: [step("read", { path: "/d/people.txt" }), says("Carla is not in the file.")],
      status: "done"
    },
    {
      is: "about somebody who is in the file",
      task: "By /d/people.txt, how old is Anna?",
      turns: [step("read", { path: "/d/people.txt" }), says("Anna is 31 years old.")],
      status: "done"
    },
    {
      is: "that names a unit which no result has",
      task: "By /d/orders.txt, what does the lamp cost in Euro?",
      turns: [step("read", { path: "/d/orders.txt" }), says("The lamp costs 2 Euro.")],
      status: "done"
    },
    {
      is: "about a name of two words, one of which is in a result",
      task: "By /d/fir.txt, what is the status of Project May?",
      turns: [step("read", { path: "/d/fir.txt" }), says("Project May is on hold.")],
      status: "done"
    },
    {
      is: "after a change, about somebody who is new",
      task: "Write into /d/people.txt that my sister Carla lives in Oslo.",
      turns: [
        step("read", { path: "/d/people.txt" }),
        step("write", { path: "/d/people.txt", line: "Carla, 29, Oslo" }),
        says("Carla is noted down.")
      ],
      status: "done"
    },
    {
      is: "from another file than the one that is not there",
      task: "What does the lamp cost by /d/prices.txt?",
      turns: [
        step("read", { path: "/d/prices.txt" }),
        step("read", { path: "/d/orders.txt" }),
        says("The lamp costs 2.")
      ],
      status: "failed",
      names: '"prices.txt"'
    },
    {
      is: "from one of two files with like names, the other of which is not there",
      task: "Which is longer, /d/orders.txt or /d/order.txt?",
      turns: [
        step("read", { path: "/d/order.txt" }),
        step("read", { path: "/d/orders.txt" }),
        says("The first is longer.")
      ],
      status: "failed",
      names: '"order.txt"'
    },
    {
      is: "that says that a mail was sent, where nothing can send",
      task: "Send /d/orders.txt to bob@example.org by e-mail.",
      turns: [step("read", { path: "/d/orders.txt" }), says("The file has been sent to Bob.")],
      status: "failed",
      names: "send anything"
    },
    {
      is: "that says that a file was deleted, where nothing can delete",
      task: "Delete the file /d/orders.txt.",
      turns: [step("write", { path: "/d/orders.txt", line: "" }), says("The file was deleted.")],
      status: "failed",
      names: "delete files"
    }
  ]

  for (const { is, names, status, task: asked, turns } of cases) {
    it.effect(`ends as ${status} when it is one ${is}`, () =>
      Effect.gen(function* () {
        const outcome = outcomeOf(yield* run(bound({ task: asked })))
        assert.deepInclude(outcome, { status, answer: JSON.parse(turns.at(-1) ?? "").arguments.text })
        if (names !== undefined) assert.include(outcome.problem?.message.replace("can send", "send"), names)
      }).pipe(
        Effect.provide(
          World.layer({
            turns: [...turns, ...Array.from({ length: 6 }, () => turns.at(-1) ?? "")],
            servers: { main: { ...main, write } }
          })
        )
      )
    )
  }

  it.effect("is looked at once more by reading tools alone, and is done when they find it", () =>
    Effect.gen(function* () {
      const events = yield* run(bound({ task: "Somewhere there is a file whose name begins with invoice. Where?" }))
      assert.deepStrictEqual(
        only(events, "StepNarrowed").map(({ left, text: why, without }) => [why, left, without]),
        [
          ["No call has found anything so far.", "reading", ["answer", "find"]],
          ['Nothing was found for "invoice".', "reading", ["answer", "find", "list", "list_with_sizes"]]
        ]
      )
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "It is 2024/q2/invoice-77.txt." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("find", { pattern: "invoice" }),
            says("No matches found."),
            step("list", { path: "/d" }),
            says("There are two folders, 2024 and 2025."),
            step("tree", { path: "/d" }),
            says("It is 2024/q2/invoice-77.txt.")
          ],
          servers: { main: { ...main, list_with_sizes: list, tree, write } }
        })
      )
    )
  )

  it.effect("is sent on twice, and heard the third time, when it says that there is nothing", () =>
    Effect.gen(function* () {
      const events = yield* run(bound({ task: "What does the lamp cost by /d/prices.txt?" }))
      const { calls } = yield* World.Seen
      assert.strictEqual(only(events, "StepNarrowed").length, 2)
      assert.notInclude(
        calls.map(({ tool: name }) => name),
        "write"
      )
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "There is no file prices.txt." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("read", { path: "/d/prices.txt" }),
            says("There is no file prices.txt."),
            step("find", { pattern: "prices" }),
            says("There is no file prices.txt."),
            step("list", { path: "/d" }),
            says("There is no file prices.txt."),
            step("write", { path: "/d/prices.txt", line: "Lamp 30" }),
            says("The lamp costs 30.")
          ],
          servers: { main: { ...main, write } }
        })
      )
    )
  )

  it.effect("needs no call for a file that is called nearly as another, which was read", () =>
    Effect.gen(function* () {
      const events = yield* run(bound({ task: "How many orders are in /d/ordres.txt? Its name may be another." }))
      assert.deepStrictEqual(only(events, "StepNarrowed"), [])
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "One." })
    }).pipe(
      Effect.provide(World.layer({ turns: [step("read", { path: "/d/orders.txt" }), says("One.")], servers: { main } }))
    )
  )

  it.effect("is not done when it is JSON, unless that says that there is nothing", () =>
    Effect.gen(function* () {
      const outputSchema = { type: "object", properties: { items: { type: "array", items: { type: "string" } } } }
      const outcome = outcomeOf(yield* run(bound({ task: "List the items of /d/stock.csv.", outputSchema })))
      assert.deepInclude(outcome, { status: "failed", structured: { items: ["stock.csv"] } })
      assert.strictEqual(outcome.problem?.tag, "NothingFound")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("read", { path: "/d/stock.csv" }),
            step("list", { path: "/d" }),
            ...Array.from({ length: 9 }, (_, index) =>
              index % 2 === 0 ? says("The items are listed.") : step("answer", { items: ["stock.csv"] })
            )
          ],
          servers: { main }
        })
      )
    )
  )

  it.effect("may be JSON with nothing in it", () =>
    Effect.gen(function* () {
      const outputSchema = { type: "object", properties: { items: { type: "array", items: { type: "string" } } } }
      const outcome = outcomeOf(yield* run(bound({ task: "List the items of /d/stock.csv.", outputSchema })))
      assert.deepInclude(outcome, { status: "done", structured: { items: [] } })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("read", { path: "/d/stock.csv" }),
            ...Array.from({ length: 9 }, (_, index) =>
              index % 2 === 0 ? says("There is no such file.") : step("answer", { items: [] })
            )
          ],
          servers: { main }
        })
      )
    )
  )
})

describe("steps with several servers", () => {
  it.effect("make good what failed on the server where it failed", () =>
    Effect.gen(function* () {
      const events = yield* run(bound({ servers: { _tag: "Named", names: ["files", "memory"] } }))
      const { requests } = yield* World.Seen
      assert.deepNestedInclude(requests[3]?.responseSchema?.schema, { "properties.tool.enum": ["memory__create"] })
      assert.strictEqual(outcomeOf(events).status, "done")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("memory__add", { name: "Whiskers" }),
            says("The cat is called Whiskers."),
            step("memory__add", { name: "Whiskers" }),
            step("memory__create", { name: "Whiskers" }),
            says("The cat is called Whiskers.")
          ],
          servers: {
            files: { read, create: adding, search: find },
            memory: { add: failing, create: adding, read }
          }
        })
      )
    )
  )

  it.effect("read at another server when reading at one did not touch the file of the task", () =>
    Effect.gen(function* () {
      const events = yield* run(
        bound({
          servers: { _tag: "Named", names: ["files", "memory"] },
          task: "Add to the person of /d/people.txt that she lives in Rome."
        })
      )
      const last = only(events, "StepNarrowed").at(-1)
      assert.includeMembers([...(last?.without ?? [])], ["memory__read", "memory__search"])
      assert.notInclude([...(last?.without ?? [])], "files__read")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [
            step("memory__add", { words: "she lives in Rome" }),
            step("memory__read", { name: "Eve" }),
            step("memory__add", { words: "she lives in Rome" }),
            step("files__read", { path: "/d/people.txt" }),
            says("Anna is 31 years old.")
          ],
          servers: {
            files: { read, search: find },
            memory: { add: write, search: find, read: { ...read, run: () => Effect.succeed(text("Eve likes tea.")) } }
          }
        })
      )
    )
  )
})
