import { assert, describe, it } from "@effect/vitest"
import * as FirstCall from "#src/agent/forms/FirstCall.ts"
import { isCallWritten } from "#src/agent/forms/TextCalls.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import { nearTools } from "#src/agent/tools/NearTools.ts"
import type { McpTool } from "#src/mcp/McpTool.ts"
import { Effect } from "effect"
import * as World from "../doubles.ts"

const { call, only, outcomeOf, run, task } = World

const mcpTool = (name: string, parameters: ReadonlyArray<string>, readOnly: boolean): McpTool => ({
  server: "filesystem",
  name,
  description: "",
  inputSchema: {
    type: "object",
    properties: Object.fromEntries(parameters.map((key) => [key, { type: "string" }])),
    required: parameters
  },
  annotations: { readOnly }
})

const files = [
  mcpTool("read_text_file", ["path"], true),
  mcpTool("list_directory", ["path"], true),
  mcpTool("search_files", ["pattern"], true),
  mcpTool("write_file", ["path", "content"], false),
  mcpTool("edit_file", ["path", "content"], false),
  mcpTool("move_file", ["source", "destination"], false)
]
const catalog = ToolCatalog.make(files, {})
const names = files.map(({ name }) => name)

const written = '{"name": "read_text_file", "arguments": {"path": "/a"}}'

/** How much of a text is read, in pieces of this many characters, before the reply is ended. */
const readOf = (text: string, size: number): number => {
  const first = FirstCall.make((all) => isCallWritten(all, { catalog, messages: [] }))
  for (let at = 0; at < text.length; at += size) if (first.push(text.slice(at, at + size))) return at + size
  return text.length
}

describe("a reply that writes its calls as text", () => {
  const block = `To read it, use the tool:\n\`\`\`json\n${written}\n\`\`\`\n`

  it.each([1, 3, 17])("is ended at the first call, in pieces of %i characters", (size) => {
    const text = `${block}This reads the file. `.repeat(30)
    assert.isAtMost(readOf(text, size), block.length + 40)
    assert.isAtMost(readOf(`${written}\n`.repeat(30), size), 7 * written.length + 40)
    assert.isAtMost(
      readOf(`<tool_call>${written}</tool_call>\n<tool_response>made up ${"x".repeat(900)}`, size),
      written.length + 80
    )
    assert.isAtMost(readOf(`${block}${"\n".repeat(2000)}`, size), block.length + 450)
  })

  it.each([
    [
      "two calls right behind each other",
      `<tool_call>${written}</tool_call>\n<tool_call>${written.replace("/a", "/b")}</tool_call>`
    ],
    [
      "a call to a tool that nobody offers",
      `${written.replace("read_text_file", "make_coffee")} That is all there is to say.`
    ],
    ["arguments that do not fit", `${written.replace("path", "file")} That is all there is to say.`],
    ["a mention of a call", `You could write \`${written}\` to read it, and then say what stands there.`],
    ["an answer", `It is {"a": [1, 2]} as asked for (see above). `.repeat(20)]
  ])("is read to its end: %s", (_, text) => {
    assert.strictEqual(readOf(text, 5), text.length)
  })

  const lookServers: World.Servers = {
    main: {
      look: {
        ...World.tool(({ which }) => Effect.succeed(`Result ${String(which)}`), {
          type: "object",
          properties: { which: { type: "integer" } },
          required: ["which"]
        }),
        annotations: { readOnly: true }
      }
    }
  }

  const looking = '```json\n{"name": "look", "arguments": {"which": 1}}\n```'

  it.effect("costs one call, and the model goes on to see what it wrote, with the result as words of the user", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { calls, open, requests } = yield* World.Seen
      assert.strictEqual(calls.length, 1)
      // the stream of the first reply, which would never end, is closed
      assert.notInclude(open, "request")
      assert.deepStrictEqual(requests[1]?.messages.slice(2), [
        { role: "assistant", content: `I look.\n${looking}`, toolCalls: [] },
        { role: "user", content: "Result of look:\nResult 1" }
      ])
      assert.isAbove(only(events, "ModelReplied")[0]?.reply.usage?.inputTokens ?? 0, 20)
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "It is 1." })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [{ never: true, after: `I look.\n${looking}\nThat shows it.` }, "It is 1."],
          servers: lookServers
        })
      )
    )
  )

  it.effect("keeps structured calls structured beside it", () =>
    Effect.gen(function* () {
      yield* run(task())
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(
        requests[2]?.messages.map(({ role }) => role),
        ["system", "user", "assistant", "user", "assistant", "tool"]
      )
    }).pipe(
      Effect.provide(World.layer({ turns: [looking, [call("look", { which: 2 })], "Done."], servers: lookServers }))
    )
  )

  it.effect.each(["native", "text"] as const)(
    "a call that succeeded and is made again is told its result (%s)",
    (form) =>
      Effect.gen(function* () {
        const events = yield* run(task({ toolForm: form }))
        const [refused] = only(events, "ToolCallRefused")
        assert.strictEqual(refused?.reason, "Repeated")
        assert.include(refused?.told, "Result 1")
        assert.strictEqual((yield* World.Seen).calls.length, 1)
        assert.deepInclude(outcomeOf(events), { status: "done", answer: "It is 1." })
      }).pipe(
        Effect.provide(
          World.layer({
            turns: [[call("look", { which: 1 })], [call("look", { which: 1 })], "It is 1."],
            servers: lookServers
          })
        )
      )
  )

  it.effect("a tool that waits is called as often as it is asked for", () =>
    Effect.gen(function* () {
      yield* run(task())
      assert.strictEqual((yield* World.Seen).calls.length, 2)
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("wait_for_job", {})], [call("wait_for_job", {})], "Done."],
          servers: { main: { wait_for_job: World.tool(() => Effect.succeed("still running")) } }
        })
      )
    )
  )

  it.effect.each(["stop", ""])("an empty reply (%s) is never answered with the same request", (finishReason) =>
    Effect.gen(function* () {
      yield* run(task())
      const { requests } = yield* World.Seen
      assert.strictEqual(requests.length, 2)
      assert.notDeepEqual(requests[1]?.messages, requests[0]?.messages)
    }).pipe(Effect.provide(World.layer({ turns: [{ content: "", finishReason }, "Done."] })))
  )
})

describe("a name that nobody offers", () => {
  it.each([
    ["rename_file", ["move_file"]],
    ["write", ["write_file"]],
    ["read_txt_file", ["read_text_file"]],
    ["modify_file", ["edit_file"]],
    ["find_files", ["search_files"]],
    ["make_coffee", []]
  ])("%s is answered with %s", (name, near) => {
    assert.deepStrictEqual(nearTools(name, names), near)
    if (near.length === 0) return
    const verdict = ToolCatalog.judge(catalog, call(name, {}), { whole: true })
    assert.include(verdict._tag === "Refuse" ? verdict.told : "", `Did you mean "${near[0]}"?`)
  })

  const ranAs = (name: string, args: object) => {
    const verdict = ToolCatalog.judge(catalog, call(name, args), { whole: true })
    return verdict._tag === "Run" ? verdict.tool.name : undefined
  }

  it.each([
    ["readTextFile", { path: "/a" }, "read_text_file"],
    ["filesystem.read_text_file", { path: "/a" }, "read_text_file"],
    ["open_text_file", { path: "/a" }, "read_text_file"],
    ["find_files", { pattern: "*" }, "search_files"],
    ["list_directry", { path: "/a" }, "list_directory"],
    // others may be meant, the arguments do not fit, or it changes something
    ["read_file", { path: "/a" }, undefined],
    ["open_text_file", { file: "/a" }, undefined],
    ["rename_file", { source: "/a", destination: "/b" }, undefined],
    ["create_file", { path: "/a", content: "b" }, undefined]
  ])("%s with %o runs as %s", (name, args, expected) => {
    assert.strictEqual(ranAs(name, args), expected)
  })
})
