import { assert, describe, it } from "@effect/vitest"
import type { Evidence, ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import type { Ensured, ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { LmStudioUnreachable, ModelLoadFailed, ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { type Context, Effect } from "effect"
import { cli } from "../../OverDoubles.ts"

const ensured = (model: string): Ensured => ({
  model,
  instanceId: model,
  action: "already-loaded",
  owner: "user",
  tookMillis: 1,
  steppedDown: []
})

const withModel: Context.Tag.Service<ModelLifecycle>["withModel"] =
  (name = "") =>
  (use) =>
    name === "acme/broken"
      ? new ModelLoadFailed({ model: name, reason: "Engine", serverMessage: "it ended" })
      : use({
          ensured: Effect.succeed(ensured(name)),
          chat: () => Effect.dieMessage("not used"),
          chatWith: () => Effect.dieMessage("not used")
        })

const inMemory = (model: string, type = "llm") => ({
  model,
  instanceId: model,
  type,
  owner: "user" as const,
  leases: 0
})

/** Every run ends with this answer: it is right for what cannot be done, and for the capital of France. */
const loop: ReadonlyArray<AgentLoopTest.Step> = [
  { _tag: "ToolFormChosen", form: "bound", text: "So." },
  { _tag: "RoundStarted", round: 1, final: false },
  {
    _tag: "ModelReplied",
    round: 1,
    reply: {
      model: "acme/a",
      content: "I cannot do it in Paris.",
      reasoning: "",
      toolCalls: [],
      finishReason: "stop",
      usage: { inputTokens: 100, outputTokens: 10 },
      firstTokenMillis: 100,
      totalMillis: 300
    }
  },
  { _tag: "RunFinished", outcome: AgentLoopTest.outcome("I cannot do it in Paris.") }
]

const world = (loaded: ReadonlyArray<ReturnType<typeof inMemory>> = []) => {
  const kept: Array<readonly [string, Evidence, ReadonlyArray<string>]> = []
  const registry: Partial<Context.Tag.Service<ModelRegistry>> = {
    form: () => Effect.succeedNone,
    choice: () => Effect.succeed({ form: "bound", why: "Tried on 2026-11-28: bound 3 of 3." }),
    benched: (model, tasks, forms) => Effect.sync(() => void kept.push([model, tasks, Object.keys(forms ?? {})]))
  }
  const lifecycle: Partial<Context.Tag.Service<ModelLifecycle>> = {
    loaded: Effect.succeed(loaded),
    withModel,
    resolve: (name = "acme/default") =>
      name === "none"
        ? Effect.fail(new ModelNotFound({ model: name, available: [], nearest: [] }))
        : Effect.succeed(name)
  }
  return { kept, doubles: { lifecycle, registry, loop } }
}

const bench = (args: ReadonlyArray<string>, doubles: Parameters<typeof cli>[1]) =>
  cli(["models", "bench", ...args], doubles)

describe("models bench", () => {
  it.live("shows models side by side with the form of their calls, and keeps what they did", () =>
    Effect.gen(function* () {
      const { doubles, kept } = world()
      const { code, err, out } = yield* bench(["acme/a", "acme/b", "acme/a"], doubles)
      assert.strictEqual(code, 1, err)
      assert.match(
        out,
        /^MODEL +CALLS +DONE +CALLED DONE BUT WRONG +TIME +TOKENS\/S +TOKENS READ +WRITTEN\nacme\/a +bound +2 of 15 +13 +15 s +50\.0 +1500 +150\n/
      )
      assert.include(out, "\nwhat cannot be done        1 of 1  1 of 1\n")
      assert.include(out, "\nCalls of acme/b: bound. Tried on 2026-11-28: bound 3 of 3.\n")
      assert.match(out, /\nCost: 30\.0 s, 3000 tokens read, 300 written\.$/)
      assert.match(err, /^✗ read-named · acme\/a: called done but wrong in 1 s: the answer does not contain/)
      assert.deepStrictEqual(
        kept.map(([model, { detail, holds, trials, value }]) => [model, holds, value, trials, detail]),
        ["acme/a", "acme/b"].map((model) => [model, false, 2, 15, "13 called done but wrong"])
      )
    })
  )

  it.live("without a name takes what is in memory, else what a run would use", () =>
    Effect.gen(function* () {
      const some = world([inMemory("acme/x"), inMemory("acme/e", "embedding"), inMemory("acme/x")])
      yield* bench([], some.doubles)
      const none = world([inMemory("acme/e", "embedding")])
      yield* bench([], none.doubles)
      assert.deepStrictEqual(
        [...some.kept, ...none.kept].map(([model]) => model),
        ["acme/x", "acme/default"]
      )
    })
  )

  it.live("tries three forms, as JSON too, and tells which is best", () =>
    Effect.gen(function* () {
      const { doubles, kept } = world()
      const { out } = yield* bench(["acme/a", "--forms", "--json", "--times", "2"], doubles)
      const report = JSON.parse(out)
      assert.deepStrictEqual(
        report.rows.map(({ best, form, passed, trials }: Record<string, unknown>) => [form, best, passed, trials]),
        [
          ["native", true, 4, 30],
          ["text", undefined, 4, 30],
          ["bound", undefined, 4, 30]
        ]
      )
      assert.deepStrictEqual(kept[0]?.[2], ["at", "native", "text", "bound"])
      const table = yield* bench(["acme/a", "--forms"], doubles)
      assert.match(table.out, /\nacme\/a +native, best +2 of 15/)
      assert.include(
        table.out,
        "\nCalls of acme/a: native did best, but runs take bound: Tried on 2026-11-28: bound 3 of 3. `--tool-form native` asks for the other.\n"
      )
    })
  )

  it.live("measures the others where one cannot be loaded, and ends as that one does", () =>
    Effect.gen(function* () {
      const { doubles, kept } = world()
      const several = yield* bench(["acme/broken", "acme/b"], doubles)
      assert.deepStrictEqual([several.code, kept.length], [4, 1])
      assert.include(several.err, "lms-bridge: acme/broken: ")
      assert.match(several.out, /\nacme\/b +bound +2 of 15/)
      assert.include(several.out, "\nStopped after 15 of 30 trials.")
      const alone = yield* bench(["acme/broken"], doubles)
      assert.deepStrictEqual([alone.code, alone.out], [4, ""])
    })
  )

  it.live("keeps nothing where the server goes away, and ends early", () =>
    Effect.gen(function* () {
      const { doubles, kept } = world()
      const gone = new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1", reason: "Refused" })
      const { code, out } = yield* bench(["acme/a"], { ...doubles, loop: [{ _tag: "Fail", error: gone }] })
      assert.deepStrictEqual([code, kept.length], [3, 0])
      assert.include(out, "1 error of the bench itself: they say nothing of a model.\nStopped after 1 of 15 trials.")
    })
  )

  it.live("says what is wrong before anything is tried", () =>
    Effect.gen(function* () {
      const { doubles, kept } = world()
      for (const [args, code, says] of [
        [["acme/a", "none"], 4, /There is no model|none/],
        [["acme/a", "--plot", "no/such/folder.svg"], 2, /--plot no\/such\/folder\.svg: it cannot be written/],
        [["acme/a", "--plot", "."], 2, /it is a folder/],
        [["acme/a", "--plot", ""], 2, /--plot is empty/],
        [["acme/a", "--times", "0"], 2, /--times is "0", but must be a whole number from 1 to 100/],
        [["acme/a", "--limit", "soon"], 2, /--limit is "soon"/]
      ] as const) {
        const refused = yield* bench(args, doubles)
        assert.deepStrictEqual([refused.code, refused.out], [code, ""], refused.err)
        assert.match(refused.err, says)
      }
      assert.deepStrictEqual(kept, [])
    })
  )
})
