import { assert, describe, it } from "@effect/vitest"
import * as ReadingTools from "#src/agent/tools/ReadingTools.ts"
import { textOf } from "#src/agent/tools/ToolResultText.ts"
import { McpServerUnavailable } from "#src/mcp/McpError.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import * as McpRegistryTest from "@lms-bridge/testing/McpRegistryTest"
import { Effect } from "effect"
import { call, echo, layer, only, outcomeOf, run, Seen, task } from "../doubles.ts"

const servers = McpRegistryTest.layerTest({
  notes: {
    resources: {
      "note://bees": "Bees like clover.",
      "note://ants": { name: "Ants", contents: [{ blob: "AP8A/wA=" }] }
    },
    templates: [{ uriTemplate: "note://{day}", name: "day" }]
  },
  desk: {
    prompts: {
      review: {
        description: "Reviews a file.",
        arguments: [{ name: "file", required: true }],
        get: ({ file }) => ({ messages: [{ role: "user", content: { type: "text", text: `Review ${file}.` } }] })
      }
    }
  }
})

/** What the model is told. */
const told = Effect.fnUntraced(function* (
  tool: string,
  args: Readonly<Record<string, unknown>>,
  ...names: Array<string>
) {
  const registry = yield* McpRegistry
  const connections = yield* Effect.forEach(names.length === 0 ? ["notes", "desk"] : names, (name) =>
    registry.connect(name)
  )
  return textOf(yield* ReadingTools.call(connections, tool, args))
})

describe("reading what servers offer besides tools", () => {
  it.scoped("lists the resources, templates and prompts of all servers of the run, or of one", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* told("list_resources", {}),
        [
          "- [notes] note://bees: note://bees",
          "- [notes] note://ants: Ants",
          "- [notes] note://{day}: day",
          "- [desk] prompt review(file): Reviews a file."
        ].join("\n")
      )
      assert.strictEqual(
        yield* told("list_resources", { server: "desk" }),
        "- [desk] prompt review(file): Reviews a file."
      )
      assert.include(
        yield* told("list_resources", { server: "dsk" }),
        'no MCP server "dsk" in this run. There are: notes, desk.'
      )
    }).pipe(Effect.provide(servers))
  )

  it.scoped("finds the server of a resource, describes binary data, and suggests names for a missing resource", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* told("read_resource", { uri: "note://bees" }),
        "[resource note://bees]\nBees like clover."
      )
      assert.include(yield* told("read_resource", { uri: "note://ants" }), "5 B of binary data, not shown")
      assert.include(yield* told("read_resource", { uri: "note://bee" }), "Did you mean note://bees?")
      const missing = yield* told("read_resource", { uri: "note://ant", server: "notes" })
      assert.include(missing, 'The tool reports an error: There is no resource "note://ant". Did you mean note://ants?')
    }).pipe(Effect.provide(servers))
  )

  it.scoped("gets a prompt with its arguments, including numbers", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* told("get_prompt", { name: "review", arguments: { file: 5 } }), "user: Review 5.")
      assert.include(yield* told("get_prompt", { name: "revew" }), "Did you mean review?")
    }).pipe(Effect.provide(servers))
  )

  it.scoped("lists the others when one server does not answer, and reports that", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const desk = yield* registry.connect("desk")
      const gone = new McpServerUnavailable({ server: "notes", reason: "Closed", detail: "", stderrTail: "" })
      const notes = { ...desk, server: "notes", resources: gone }
      const text = textOf(yield* ReadingTools.call([notes, desk], "list_resources", {}))
      assert.match(text, /^- \[notes\] MCP server "notes" is not available.*\n- \[desk\] prompt review/)
    }).pipe(Effect.provide(servers))
  )

  it.effect("is offered only to a run that requests it, and stores a long resource like any long result", () => {
    const long = `first line\n${"x".repeat(5000)}\nlast line`
    const world = {
      servers: { main: { echo } },
      resources: { "x://long": long },
      settings: { maxResultBytes: 1000 },
      turns: [[call("read_resource", { uri: "x://long" })], "Read."]
    }
    return Effect.gen(function* () {
      const events = yield* run(task({ resources: true }))
      const { requests } = yield* Seen
      assert.deepStrictEqual(
        requests.map(({ tools = [] }) => tools.map(({ name }) => name)),
        [
          ["echo", "list_resources", "read_resource", "get_prompt"],
          ["echo", "list_resources", "read_resource", "get_prompt", "read_artifact", "search_artifact"]
        ]
      )
      const [finished] = only(events, "ToolCallFinished")
      assert.deepInclude(finished, { isError: false, artifact: "r1", server: "lms-bridge" })
      assert.include(finished?.told, 'read_artifact and search_artifact with id "r1"')
      assert.strictEqual(outcomeOf(events).answer, "Read.")
      const without = yield* run(task())
      assert.include(only(without, "ToolCallRefused")[0]?.told, 'There is no tool "read_resource"')
    }).pipe(Effect.provide(layer({ ...world, turns: (request) => world.turns[request % 2] ?? "Read." })))
  })
})
