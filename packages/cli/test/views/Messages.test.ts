/**
 * What a person reads when a command cannot do its work, in one place to be read aloud.
 */
import { expect, it } from "@effect/vitest"
import { LmStudioUnreachable, ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import { McpServerNotFound } from "@lms-bridge/core/McpRegistry"
import { Effect, Option } from "effect"
import { cli, type Doubles } from "../OverDoubles.ts"

const unreachable = new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1234", reason: "Refused" })
const noModel = new ModelNotFound({ model: "qwen3-8", available: ["qwen/qwen3-8b"], nearest: ["qwen/qwen3-8b"] })
const noServer = new McpServerNotFound({
  server: "fils",
  available: ["files"],
  nearest: ["files"],
  path: "/me/mcp.json"
})

const commands: ReadonlyArray<readonly [line: string, doubles?: Doubles]> = [
  ["frobnicate"],
  ["models frobnicate"],
  ["run"],
  ["run list files"],
  ["run x --mcq files"],
  ["run x --mcp"],
  ["run x --yes=5"],
  ["run x --mcp a --all-mcps"],
  ["run x --tools a"],
  ["run x --mcp a --tools="],
  ["run x --mcp nope"],
  ["run x --max-rounds 0"],
  ["run x --timeout soon"],
  ["run x --stand-in perhaps"],
  ["run x --folder /does/not/exist"],
  ["run x --output-schema /does/not/exist"],
  ["run x --log-level loud"],
  ["runs show"],
  ["runs show nope"],
  ["runs show nope --explain --transcript"],
  ["runs rm"],
  ["models ls", { api: { models: Effect.fail(unreachable) } }],
  ["models load qwen3-8", { lifecycle: { ensureLoaded: () => Effect.fail(noModel) } }],
  ["models load x --gpu 2"],
  ["models unload"],
  ["mcp tools fils", { mcp: { tools: () => Effect.fail(noServer) } }],
  ["mcp call files read [1]"],
  ["mcp call files read {}", { mcp: { tools: () => Effect.succeed([]) } }],
  ["mcp resources --output x"],
  ["mcp lock", { mcp: { servers: Effect.succeed([]) } }],
  ["serve --port 70000"],
  ["install notepad"],
  ["install cursor --env lean"],
  ["install cursor --name a/b"],
  ["simulate --script /does/not/exist"],
  [
    "server start",
    { api: { ping: Effect.fail(unreachable) }, settings: { baseUrl: Option.some("http://10.0.0.2:1234") } }
  ]
]

it.effect("what commands say when they cannot do their work", () =>
  Effect.gen(function* () {
    const said = yield* Effect.forEach(commands, ([line, doubles]) =>
      Effect.map(
        cli(line.split(" "), doubles),
        ({ code, err, out }) => `$ lms-bridge ${line}   (${code})\n${err}${out}\n`
      )
    )
    yield* Effect.promise(() => expect(said.join("\n")).toMatchFileSnapshot("__snapshots__/messages.txt"))
  })
)
