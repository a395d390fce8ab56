/** The built program benches simulated models with its own server, keeps what it finds, and leaves nothing behind. */
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { patience, platform, processesAtHome, world } from "./Harness.ts"

const able = "qwen/qwen3-8b"
const idle = "llama-3.2-3b-instruct"

type Calls = ReadonlyArray<readonly [tool: string, args: Readonly<Record<string, unknown>>]>

/** What a model that knows how to do it does for a task, by a word of it: calls one after the other, then the answer. */
const ways: ReadonlyArray<readonly [word: RegExp, calls: Calls, answer: string]> = [
  [/code word/, [["read_file", { path: "notes.txt" }]], "It is WILLOW-47."],
  [/greeting\.txt/, [["write_file", { path: "greeting.txt", text: "hello world" }]], "Done."],
  [/4711/, [["add", { a: 4711, b: 1289 }]], "The sum is 6,000."],
  [/9090/, [["edit_file", { path: "settings.yaml", old_text: "8080", new_text: "9090" }]], "Done."],
  [/new_name/, [["move_file", { from: "old_name.csv", to: "new_name.csv" }]], "Done."],
  [/invoice/, [["search_files", { name: "invoice" }]], "2024/q2/invoice-77.txt"],
  [/greatest/, [["read_file", { path: "numbers.txt" }]], "942"],
  [/plumber/, [["remember", { key: "plumber", text: "555-0142" }]], "Done."],
  [
    /treasure/,
    [
      ["read_file", { path: "start.txt" }],
      ["read_file", { path: "garden.txt" }]
    ],
    "Under the fountain."
  ],
  [
    /pair\.txt/,
    [
      ["read_file", { path: "pair.txt" }],
      ["add", { a: 2048, b: 512 }],
      ["write_file", { path: "sum.txt", text: "2560" }]
    ],
    "Done."
  ],
  [
    /three files/,
    [
      ["write_file", { path: "one.txt", text: "1" }],
      ["write_file", { path: "two.txt", text: "2" }],
      ["write_file", { path: "three.txt", text: "3" }]
    ],
    "Done."
  ],
  [/France/, [], "Paris"],
  [/nuts/, [["read_file", { path: "stock.csv" }]], '{"nuts":75}'],
  [
    /apples/,
    [
      ["read_file", { path: "shoping-list.txt" }],
      ["list_files", {}],
      ["read_file", { path: "shopping-list.txt" }]
    ],
    "There are seven apples."
  ],
  [/prices/, [["read_file", { path: "prices.txt" }]], "There is no such file, so I cannot tell."]
]

/** One model does everything, another one nothing. */
const models = SimulatedModel.fromFunction((prompt) => {
  if (prompt.model !== able) return { text: "I have done it." }
  const asked = prompt.messages.find(({ role }) => role === "user")?.text ?? ""
  const [, calls = [], answer = "What?"] = ways.find(([word]) => word.test(asked)) ?? []
  const made = prompt.messages.filter(({ role }) => role === "tool").length
  const next = calls[made]
  if (next === undefined) return { text: answer }
  const name = prompt.tools.find((tool) => tool.name.endsWith(next[0]))?.name ?? next[0]
  return { toolCalls: [{ name, arguments: { ...next[1] } }] }
}, "a model that knows the tasks, and one that does not")

describe("models bench", () => {
  it.scopedLive(
    "shows models side by side, draws them, and keeps what they did: `auto` takes the better one",
    () =>
      Effect.gen(function* () {
        const { home, run, simulator } = yield* world
        yield* simulator.control.setModel(models)
        const benched = yield* run(["models", "bench", idle, able, "--plot", "bench.svg"])
        assert.strictEqual(benched.code, 1, benched.stderr)
        assert.match(benched.stdout, /^MODEL +CALLS +DONE +CALLED DONE BUT WRONG +NOT DONE +TIME/)
        assert.match(benched.stdout, /\nqwen\/qwen3-8b +native +15 of 15 +\d/)
        assert.match(benched.stdout, /\nllama-3\.2-3b-instruct +native +0 of 15 +\d+ +\d+ /)
        assert.match(benched.stdout, /\na chain of calls +0 of 3 +3 of 3\n/)
        assert.match(benched.stdout, /\nCost: [\d.]+ s, \d+ tokens read, \d+ written\.\n$/)
        assert.match(benched.stderr, /^✓ rename · qwen\/qwen3-8b: done in /m)
        assert.match(benched.stderr, /^✗ capital · llama-3\.2-3b-instruct: called done but wrong in .*Paris/m)
        const drawing = readFileSync(join(home, "bench.svg"), "utf8")
        assert.match(
          drawing,
          /^<svg [^>]*>\n<title>Tasks of the bench by model: .*qwen\/qwen3-8b, native 15 of 15 done/
        )
        const shown = yield* run(["models", "show", able])
        assert.match(shown.stdout, /do the tasks of the bench +yes +tried here +15 of 15 +\d{4}-\d\d-\d\d/)
        const chosen = yield* run(["run", "Read notes.txt.", "--mcp", "everything", "--model", "auto", "--json"])
        assert.match(chosen.stdout, /"chosen":"[^"]*it did 15 of 15 tasks of the bench/)
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "prints what is done when it is stopped, keeps nothing of half a bench, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const { home, run, simulator, start } = yield* world
        yield* simulator.control.setModel(models)
        const program = yield* start(["models", "bench", able, "--times", "20"])
        yield* Effect.repeat(Effect.sleep("20 millis"), {
          until: () => program.stderr().includes("✓ read-named · qwen/qwen3-8b · 3 of 20")
        })
        program.child.kill("SIGINT")
        const { code, stderr, stdout } = yield* program.ended
        assert.strictEqual(code, 130, stderr)
        assert.match(stdout, /Stopped after \d+ of 300 trials\./)
        const shown = yield* run(["models", "show", able])
        assert.notInclude(shown.stdout, "tasks of the bench")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})
