import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { CurrentLoopPolicy } from "#src/agent/LoopPolicy.ts"
import * as PolicyFile from "#src/agent/policy/PolicyFile.ts"
import { CurrentToolPolicy } from "#src/agent/policy/ToolPolicy.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { Effect, Either, Layer, Option } from "effect"
import { readFileSync } from "node:fs"
import * as World from "../doubles.ts"

const { call, echo, only, run, task } = World

const before = { tools: Effect.runSync(CurrentToolPolicy), loop: Effect.runSync(CurrentLoopPolicy) }

const problems = (text: string) => Either.getOrElse(Either.flip(PolicyFile.decode(text, before)), () => [])

const world: World.World = {
  turns: [[call("echo", { message: "/etc/passwd" }), call("echo", { message: "fine" })], "ok"],
  servers: { main: { echo: { ...echo, annotations: { readOnly: true } } } }
}

const withPolicy = Effect.fnUntraced(
  function* <A, E, R>(text: string, test: (path: string) => Effect.Effect<A, E, R>) {
    const fs = yield* FileSystem.FileSystem
    const path = `${yield* fs.makeTempDirectoryScoped()}/policy.json`
    yield* fs.writeFileString(path, text)
    const policies = PolicyFile.UserPolicies.layer.pipe(
      Layer.provide(Settings.layerWith({ policyPath: Option.some(path) }))
    )
    return yield* test(path).pipe(Effect.provide(World.layer(world).pipe(Layer.provide(policies))))
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

describe("PolicyFile", () => {
  it("puts the user's rules and traits before the defaults, and overrides single limits of the loop", () => {
    const found = Either.getOrThrow(
      PolicyFile.decode(
        `{
          // comments and trailing commas are allowed
          "rules": [{ "tool": "rm*", "decision": "refuse" }],
          "traits": [{ "server": "wiki", "readOnly": true }],
          "loop": { "wrapUp": 5000, "largestContext": 32768 },
        }`,
        before
      )
    )
    assert.deepStrictEqual(found.tools.rules, [{ tool: "rm*", decision: "refuse" }])
    assert.deepStrictEqual(found.tools.traits[0], { server: "wiki", readOnly: true })
    assert.strictEqual(found.tools.traits.length, before.tools.traits.length + 1)
    assert.deepInclude({ ...found.loop }, { largestContext: 32768, toolCount: before.loop.toolCount })
    assert.deepStrictEqual(Either.getOrThrow(PolicyFile.decode("{}", before)), before)
  })

  it.each([
    ['{ "rules": [{ "decision": "alow" }] }', /^rules\.0\.decision: Expected "allow", actual "alow"/],
    ['{ "rules": [{ "tol": "x", "decision": "allow" }] }', /^rules\.0\.tol: is unexpected/],
    ['{ "rule": [] }', /^rule: is unexpected/],
    ['{ "rules": [{ "tool": "x" }] }', /^rules\.0\.decision: is missing/],
    ['{ "loop": { "toolCount": -1 } }', /^loop\.toolCount: /],
    ['{ "loop": { "embeddings": "always" } }', /^loop\.embeddings: .*"load"/],
    ["[]", /^the whole: /],
    ['{\n  "rules": [\n', /^line 3: /]
  ])("refuses %s and says where", (text, says) => {
    assert.match(problems(text)[0] ?? "", says)
  })

  it("accepts the example of the documentation", () => {
    const page = readFileSync(new URL("../../../../../docs/configuration.md", import.meta.url), "utf8")
    const [, example = ""] = /```jsonc\n(\{\n  \/\/ the first rule[\s\S]*?)```/.exec(page) ?? []
    assert.deepStrictEqual(problems(example), [])
    assert.isAbove(Either.getOrThrow(PolicyFile.decode(example, before)).tools.rules.length, 2)
    for (const key of Object.keys(before.loop)) assert.include(page, `loop.${key}`)
  })

  it.live("applies to every run", () =>
    withPolicy('{ "rules": [{ "argument": "/etc/*", "decision": "refuse" }] }', () =>
      Effect.gen(function* () {
        const events = yield* run(task({ approvedTools: ["*"] }))
        const [refused] = only(events, "ToolCallRefused")
        assert.strictEqual(refused?.by, "rule")
        assert.deepStrictEqual(
          (yield* World.Seen).calls.map(({ args }) => args),
          [{ message: "fine" }]
        )
      })
    )
  )

  it.live("stops a run before it starts when it is invalid, and is read again for the next one", () =>
    withPolicy('{ "rules": [{ "decision": "alow" }] }', (path) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(run(task()))
        assert.strictEqual(error._tag, "PolicyInvalid")
        assert.include(error.message, `The policy ${path} cannot be used: rules.0.decision: Expected "allow"`)
        assert.include(error.message, "unset LMS_BRIDGE_POLICY.")
        assert.deepStrictEqual((yield* World.Seen).open, [])
        const fs = yield* FileSystem.FileSystem
        yield* fs.remove(path)
        assert.include((yield* Effect.flip(run(task()))).message, "the file does not exist")
        yield* fs.writeFileString(path, "{}")
        assert.strictEqual(World.outcomeOf(yield* run(task())).status, "done")
      }).pipe(Effect.provide(NodeContext.layer))
    )
  )

  it.each([
    ["{}", 0],
    ['{ "rules": [{ "tool": "rm", "decision": "refuse" }] }', 1],
    ['{ "rules": [{ "tool": "rm", "decision": "refuse" }, { "decision": "ask" }, { "decision": "refuse" }] }', 1],
    ['{ "rules": [{ "server": "other", "decision": "ask" }, { "tool": "rm", "decision": "refuse" }] }', 2]
  ] as const)("allows a tool before the rule that asks about it, and after what is refused: %s", (text, at) => {
    const { rules } = Either.getOrThrow(
      PolicyFile.decode(PolicyFile.withAllowed(text, { server: "files", tool: "write" }), before)
    ).tools
    assert.deepStrictEqual(rules[at], { server: "files", tool: "write", decision: "allow" })
  })

  it("keeps comments when it allows a tool", () => {
    assert.include(PolicyFile.withAllowed("{\n  // mine\n}\n", { server: "a", tool: "b" }), "// mine")
  })
})
