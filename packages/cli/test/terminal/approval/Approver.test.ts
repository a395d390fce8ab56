import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Approver from "#src/terminal/approval/Approver.ts"
import type { Approval, ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import { Settings } from "@lms-bridge/core/Settings"
import { Effect, Layer, Option } from "effect"
import * as FakeScreen from "../../FakeScreen.ts"

/** Asks about the calls in a folder with one note, and returns the answers and what was on the screen. */
const asked = Effect.fnUntraced(
  function* (
    calls: ReadonlyArray<Pick<ApprovalRequest, "tool"> & Partial<ApprovalRequest>>,
    lines: ReadonlyArray<string>
  ) {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    yield* fs.writeFileString(`${folder}/note.md`, "one\n")
    const policy = `${folder}/config/policy.json`
    return yield* Effect.gen(function* () {
      const approver = yield* Approver.make({ folders: Effect.succeed([folder]), ready: Effect.void })
      const answers: Array<Approval> = []
      for (const call of calls) {
        const request = { server: "files", arguments: {}, reason: "it writes", ...call }
        if (Option.isSome(approver)) answers.push(yield* approver.value(request))
      }
      const written = yield* Effect.flatMap(FakeScreen.Written, ({ err }) => err)
      const file = yield* Effect.option(fs.readFileString(policy))
      return { answers, questions: written.filter((line) => line.includes("Allow it?")), written, policy, file }
    }).pipe(
      Effect.provide(Layer.merge(FakeScreen.layer({ lines }), Settings.layerWith({ policyPath: Option.some(policy) })))
    )
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

describe("the approver at the terminal", () => {
  it.effect("asks again until there is an answer; the end of the input is a no", () =>
    Effect.gen(function* () {
      const { answers, questions } = yield* asked([{ tool: "w" }, { tool: "w" }], ["x", "", "y"])
      assert.deepStrictEqual(answers, [true, false])
      assert.strictEqual(questions.length, 4)
    })
  )

  it.effect("does not ask again for a tool that is allowed for the run, and asks for another", () =>
    Effect.gen(function* () {
      const calls = [{ tool: "w" }, { tool: "w" }, { tool: "w", server: "other" }]
      const { answers, questions } = yield* asked(calls, ["a", "n"])
      assert.deepStrictEqual(answers, [true, true, false])
      assert.strictEqual(questions.length, 2)
    })
  )

  it.effect("writes what is always allowed into the policy file, and says where", () =>
    Effect.gen(function* () {
      const { answers, file, policy, written } = yield* asked([{ tool: "w" }, { tool: "w" }], ["p"])
      assert.deepStrictEqual(answers, [true, true])
      assert.include(written.join("\n"), `Written to ${policy}: files w is allowed.`)
      assert.deepStrictEqual(JSON.parse(Option.getOrThrow(file)), {
        rules: [{ server: "files", tool: "w", decision: "allow" }]
      })
    })
  )

  it.effect("shows the change of a file in its folders, and the arguments of any other", () =>
    Effect.gen(function* () {
      const write = (path: string) => ({ tool: "write_file", arguments: { path, content: "two\n" } })
      const paths = ["note.md", "new.md", "../elsewhere.md", "/etc/hostname"]
      const { questions } = yield* asked(paths.map(write), ["n", "n", "n", "n"])
      assert.include(questions[0], "files write_file\n  note.md\n  -one\n  +two\n  It writes.")
      assert.include(questions[1], "files write_file\n  new.md (new)\n  +two\n")
      for (const question of questions.slice(2)) assert.match(question, /^files write_file \{"path":/)
    })
  )

  it.effect("shows all arguments on request, and then asks", () =>
    Effect.gen(function* () {
      const text = "x".repeat(900)
      const { answers, questions } = yield* asked([{ tool: "say", arguments: { text } }], ["?", "y"])
      assert.deepStrictEqual(answers, [true])
      assert.notInclude(questions[0], text)
      assert.include(questions[1], text)
    })
  )
})
