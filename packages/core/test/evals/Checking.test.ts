import { assert, describe, it } from "@effect/vitest"
import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Checking from "#src/evals/Checking.ts"
import type { Check } from "#src/evals/EvalTask.ts"
import * as FolderMarks from "#src/evals/FolderMarks.ts"
import { Duration, Effect } from "effect"

describe("the check of a text", () => {
  it.each([
    [{ equals: "a\nb" }, " a\nb\n", undefined],
    [{ equals: "a" }, "b", "the answer is “b”"],
    [{ contains: ["a", "c"] }, "abc", undefined],
    [{ contains: ["a", "d"] }, "abc", "the answer does not contain “d”"],
    [{ lacks: "b" }, "abc", "the answer contains “b”"],
    [{ matches: "(?i)^ABC$" }, "abc", undefined],
    [{ matches: ["a", "^b"] }, "abc", "the answer does not match /^b/"],
    [{ schema: { properties: { n: { const: 4 } } } }, 'It is\n```json\n{"n":4}\n```', undefined],
    [{ schema: { required: ["n"] } }, "{}", "the answer does not fit the schema"],
    [{ schema: {} }, "four", "the answer does not fit the schema: it is not JSON"]
  ])("%j of %j", (check, answer, wanted) => {
    const found = Checking.ofAnswer(check, answer)
    assert.isTrue(wanted === undefined ? found === undefined : found?.startsWith(wanted) === true, found)
  })

  it("of a file also says whether it is there", () => {
    assert.strictEqual(Checking.ofFile("a.txt", { contains: "x" }, undefined), "a.txt is not there")
    assert.strictEqual(Checking.ofFile("a.txt", { exists: true }, ""), undefined)
    assert.strictEqual(Checking.ofFile("a.txt", { exists: false }, undefined), undefined)
    assert.strictEqual(Checking.ofFile("a.txt", { exists: false }, ""), "a.txt is still there")
    assert.strictEqual(Checking.ofFile("a.txt", { equals: "x\n" }, "x\r\n"), undefined)
  })
})

const byRules = Effect.fnUntraced(function* (check: Check, files: Readonly<Record<string, string>> = {}) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const beside = yield* fs.makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(files)) yield* fs.writeFileString(`${folder}/${name}`, text)
  return yield* Checking.byRules(
    check,
    {
      status: "done",
      answer: "the answer",
      cut: false,
      rounds: 1,
      toolCalls: [],
      usage: { inputTokens: 0, outputTokens: 0 },
      millis: 0,
      missingServers: []
    },
    { folder, beside, tasks: folder }
  )
})

const node = (script: string, ...args: ReadonlyArray<string>): Check => ({
  command: { run: [process.execPath, "-e", script, ...args] }
})

describe("the check by a command", () => {
  it.scopedLive("runs in the folder, gets the answer in a file, and decides by its exit code", () =>
    Effect.gen(function* () {
      const fs = 'const fs = require("fs");'
      const holds = `${fs} process.exit(fs.existsSync("a.txt") && fs.readFileSync(process.argv[1], "utf8") === "the answer" ? 0 : 1)`
      assert.isUndefined(yield* byRules(node(holds, "{answer}"), { "a.txt": "" }))
      const wrong = yield* byRules(node("console.error('no good'); process.exit(3)"))
      assert.match(wrong ?? "", /ended with 3: no good$/)
      const three: Check = { command: { run: [process.execPath, "-e", "process.exit(3)"], exit: 3 } }
      assert.isUndefined(yield* byRules(three))
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("that cannot decide is no fault of the model", () =>
    Effect.gen(function* () {
      const detail = (check: Check) => Effect.map(Effect.flip(byRules(check)), (error) => error.message)
      assert.match(
        yield* detail({ command: { run: ["no-such-program-xyz"] } }),
        /there is no program "no-such-program-xyz"/
      )
      assert.match(yield* detail({ command: { run: ["sh", "-c", "no-such-program-xyz"] } }), /not found/)
      assert.match(yield* detail({ command: { run: ["node", "{tasks}/nowhere.mjs"] } }), /there is no .*nowhere\.mjs/)
      const slow: Check = {
        command: { run: [process.execPath, "-e", "setTimeout(() => {}, 60000)"], time: Duration.millis(300) }
      }
      assert.match(yield* detail(slow), /did not end within 300ms/)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("the folder in the lines of a recording", () => {
  it("is another one in a replay", () => {
    for (const [there, here] of [
      ["/tmp/a", "/var/b c"],
      [String.raw`C:\tmp\a`, String.raw`D:\b`]
    ] as const) {
      const line = (folder: string) => JSON.stringify({ folder, args: JSON.stringify({ path: folder }) })
      const marked = FolderMarks.marked(there)(line(there))
      assert.notInclude(marked, JSON.stringify(there).slice(1, -1))
      assert.strictEqual(FolderMarks.unmarked(here)(marked), line(here))
    }
  })
})
