import { assert, describe, it } from "@effect/vitest"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { McpConfigInvalid, McpReadFailed, McpServerUnavailable, unguarded } from "@lms-bridge/core/McpRegistry"
import type { HeldConnection, ServerSummary, ToolResult } from "@lms-bridge/core/McpRegistry"
import { Effect } from "effect"
import { cli } from "../../OverDoubles.ts"

const summary = (name: string, changes: Partial<ServerSummary> = {}): ServerSummary => ({
  name,
  transport: "stdio",
  target: `node ${name}.js`,
  envNames: [],
  source: "/home/me/.lmstudio/mcp.json",
  state: "usable",
  connected: false,
  ...changes
})

const tool = (server: string, name: string) => ({
  server,
  name,
  description: "Reads a file. And more.\nMuch more.",
  inputSchema: { type: "object", properties: { path: {}, head: {} }, required: ["path"] },
  annotations: {}
})

const candidates = Effect.succeed([
  { path: "/home/me/.lmstudio/mcp.json", origin: "home" as const, exists: true, used: true },
  { path: "/project/.mcp.json", origin: "home" as const, exists: false, used: false }
])

const broken = (server: string) =>
  new McpServerUnavailable({ server, reason: "Exited", exitCode: 3, detail: "", stderrTail: "no token" })

describe("mcp ls", () => {
  it.effect("lists every entry with its state, and says on stderr which file it comes from", () =>
    Effect.gen(function* () {
      const servers = Effect.succeed([
        summary("files", { envNames: ["TOKEN"] }),
        summary("lms-bridge", { state: "itself", problem: "it is lms-bridge itself" })
      ])
      const { code, err, out } = yield* cli(["mcp", "ls"], { mcp: { servers, candidates } })
      assert.strictEqual(code, 0)
      assert.strictEqual(err, "From /home/me/.lmstudio/mcp.json:")
      assert.strictEqual(
        out,
        [
          "SERVER      STATE   TRANSPORT  TARGET              VARIABLES  PROBLEM",
          "files       usable  stdio      node files.js       TOKEN",
          "lms-bridge  itself  stdio      node lms-bridge.js             it is lms-bridge itself"
        ].join("\n")
      )
      const json = yield* cli(["mcp", "ls", "--json"], { mcp: { servers, candidates } })
      assert.deepStrictEqual(JSON.parse(json.out), yield* servers)
    })
  )

  it.effect("says where it looked when there is no mcp.json", () =>
    Effect.gen(function* () {
      const none = Effect.succeed([{ path: "/a/mcp.json", origin: "home" as const, exists: false, used: false }])
      const { code, err, out } = yield* cli(["mcp", "ls"], { mcp: { servers: Effect.succeed([]), candidates: none } })
      assert.strictEqual(code, 0)
      assert.strictEqual(out, "")
      assert.match(
        err,
        /No mcp\.json was found \(looked for \/a\/mcp\.json\)\. `lms-bridge init` makes one, `lms-bridge mcp add NAME -- COMMAND` adds a server\./
      )
    })
  )

  it.effect("ends with 6 on a file that is not JSON, and names the line", () =>
    Effect.gen(function* () {
      const invalid = new McpConfigInvalid({
        path: "/a/mcp.json",
        reason: "NotJson",
        line: 3,
        detail: "A comma is missing."
      })
      const { code, err } = yield* cli(["mcp", "ls"], { mcp: { servers: Effect.fail(invalid), candidates } })
      assert.strictEqual(code, 6)
      assert.match(err, /^lms-bridge: \/a\/mcp\.json, line 3: A comma is missing\./)
    })
  )
})

describe("mcp ls --explain", () => {
  const files = Effect.succeed([
    {
      path: "/home/me/.lmstudio/mcp.json",
      origin: "LM Studio" as const,
      exists: true,
      used: true,
      entries: [{ name: "files", line: 3 }]
    },
    { path: "/project/.mcp.json", origin: "project" as const, exists: false, used: false },
    {
      path: "/home/me/.cursor/mcp.json",
      origin: "Cursor" as const,
      exists: true,
      used: false,
      entries: [
        { name: "files", line: 3 },
        { name: "git", line: 9 }
      ]
    },
    { path: "/home/me/Code/mcp.json", origin: "VS Code" as const, exists: true, used: false, problem: "Line 4 is bad." }
  ])

  it.effect("says how each file is used, and where each entry comes from", () =>
    Effect.gen(function* () {
      const shadows = [{ source: "/home/me/.cursor/mcp.json", line: 3 }]
      const servers = Effect.succeed([
        summary("files", { line: 3, shadows }),
        summary("off", { line: 7, state: "disabled", problem: "it is disabled" })
      ])
      const mcp = { servers, candidates: files }
      const { code, out } = yield* cli(["mcp", "ls", "--explain"], { mcp })
      assert.strictEqual(code, 0)
      assert.strictEqual(
        out,
        [
          "The first of these files that has servers is used (LMS_BRIDGE_MCP_SOURCES=first):",
          "",
          "   FILE                         BELONGS TO   USE",
          "1  /home/me/.lmstudio/mcp.json  LM Studio    used, 1 server",
          "2  /project/.mcp.json           this folder  does not exist",
          "3  /home/me/.cursor/mcp.json    Cursor       not used: files, git",
          "4  /home/me/Code/mcp.json       VS Code      not used, invalid, see below",
          "",
          "Line 4 is bad.",
          "",
          "SERVER  STATE     FROM                           INSTEAD OF                   PROBLEM",
          "files   usable    /home/me/.lmstudio/mcp.json:3  /home/me/.cursor/mcp.json:3",
          "off     disabled  /home/me/.lmstudio/mcp.json:7                               it is disabled"
        ].join("\n")
      )
      const json = yield* cli(["mcp", "ls", "--explain", "--json"], { mcp })
      assert.deepStrictEqual(JSON.parse(json.out), { mode: "first", files: yield* files, servers: yield* servers })
    })
  )

  it.effect("still says which files there are when the one in use cannot be read, and ends with 6", () =>
    Effect.gen(function* () {
      const invalid = new McpConfigInvalid({ path: "/a/mcp.json", reason: "NotJson", line: 3, detail: "" })
      const { code, err, out } = yield* cli(["mcp", "ls", "--explain"], {
        mcp: { servers: Effect.fail(invalid), candidates: files }
      })
      assert.strictEqual(code, 6)
      assert.include(out, "not used: files, git")
      assert.include(err, "/a/mcp.json, line 3")
    })
  )
})

describe("mcp tools", () => {
  const mcp = {
    candidates,
    servers: Effect.succeed([summary("files"), summary("off", { state: "disabled" }), summary("git")]),
    tools: (server: string) => (server === "git" ? Effect.fail(broken("git")) : Effect.succeed([tool(server, "read")]))
  }

  it.effect("lists the tools of one server with their arguments", () =>
    Effect.gen(function* () {
      const { code, out } = yield* cli(["mcp", "tools", "files"], { mcp })
      assert.strictEqual(code, 0)
      assert.strictEqual(out, "TOOL  ARGUMENTS    DESCRIPTION\nread  path, head?  Reads a file.")
    })
  )

  it.effect("ends with 6 when that one does not start, with the end of what it printed", () =>
    Effect.gen(function* () {
      const { code, err } = yield* cli(["mcp", "tools", "git"], { mcp })
      assert.strictEqual(code, 6)
      assert.match(
        err,
        /^lms-bridge: MCP server "git" is not available: it ended with exit code 3\. Run its command by hand .* It printed: no token$/
      )
    })
  )

  it.effect("without a name lists those of all usable servers, and reports the ones that do not start", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* cli(["mcp", "tools", "--json"], { mcp })
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(out), [tool("files", "read")])
      assert.include(err, '"git" is not available')
      assert.notInclude(err, "off")
    })
  )
})

describe("mcp call", () => {
  const tools = () =>
    Effect.succeed([
      { ...tool("s", "t"), inputSchema: { type: "object", properties: { path: { type: "string" } } } },
      {
        ...tool("s", "get_sum"),
        inputSchema: { type: "object", properties: { a: { type: "number" } }, required: ["a"] }
      }
    ])
  const calling = (result: ToolResult, seen: Array<unknown> = []) => ({
    tools,
    call: (server: string, name: string, args: Readonly<Record<string, unknown>>) => {
      seen.push([server, name, args])
      return Effect.succeed(result)
    }
  })

  it.effect("prints the text that came back", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const result: ToolResult = {
        content: [
          { type: "text", text: "hello" },
          { type: "image", mimeType: "image/png", data: "AAAA" },
          { type: "resource", uri: "file:///a", text: "of a" }
        ],
        isError: false
      }
      const { code, out } = yield* cli(["mcp", "call", "s", "t", '{"path":"x"}'], { mcp: calling(result, seen) })
      assert.strictEqual(code, 0)
      assert.strictEqual(out, "hello\n[image, image/png, 3 B; --json prints it]\nof a")
      assert.deepStrictEqual(seen, [["s", "t", { path: "x" }]])
      const json = yield* cli(["mcp", "call", "s", "t", "--json"], { mcp: calling(result, seen) })
      assert.deepStrictEqual(JSON.parse(json.out), result)
      assert.deepStrictEqual(seen[1], ["s", "t", {}])
    })
  )

  it.effect("refuses an unknown tool and invalid arguments, on stderr, without a call", () =>
    Effect.gen(function* () {
      for (const [args, says] of [
        [["get-sumn"], /^lms-bridge: MCP server "s" has no tool "get-sumn"\. Did you mean get_sum\?$/],
        [["nothing-like-it"], /`lms-bridge mcp tools s` lists its tools/],
        [["get_sum", '{"a":"x"}'], /"get_sum" was not run: \/a: got "x".*must be number/],
        [["get_sum"], /"a" is missing/]
      ] as const) {
        const seen: Array<unknown> = []
        const { code, err, out } = yield* cli(["mcp", "call", "s", ...args], {
          mcp: calling({ content: [], isError: false }, seen)
        })
        assert.deepStrictEqual([code, out, seen], [2, "", []], args.join(" "))
        assert.match(err, says)
      }
    })
  )

  it.effect("ends with 1 when the tool reports an error, and still prints its result", () =>
    Effect.gen(function* () {
      const result: ToolResult = { content: [{ type: "text", text: "ENOENT" }], isError: true }
      const { code, err, out } = yield* cli(["mcp", "call", "s", "t"], { mcp: calling(result) })
      assert.strictEqual(code, 1)
      assert.strictEqual(out, "ENOENT")
      assert.strictEqual(err, "lms-bridge: t of s reports an error.")
    })
  )
})

describe("mcp resources", () => {
  const png = { uri: "x://image", mimeType: "image/png", blob: "aGVsbG8=" }
  const connection = (server: string) =>
    server === "git"
      ? Effect.fail(broken("git"))
      : Effect.succeed({
          ...nothing(server),
          resources: Effect.succeed([{ server, uri: "x://notes", name: "notes", mimeType: "text/plain", size: 2048 }]),
          resourceTemplates: Effect.succeed([
            { server, uriTemplate: "x://notes/{day}", name: "day", description: "Of a day." }
          ]),
          readResource: (uri: string) =>
            uri === "x://image"
              ? Effect.succeed([png])
              : uri === "x://notes"
                ? Effect.succeed([{ uri, text: "buy milk" }])
                : new McpReadFailed({ server, what: "resource", name: uri, reason: "NotFound", detail: "" })
        })
  const mcp = { connect: connection, servers: Effect.succeed([summary("files"), summary("git")]) }

  it.effect("lists resources and templates of one server, or of all that start", () =>
    Effect.gen(function* () {
      const one = yield* cli(["mcp", "resources", "files"], { mcp })
      assert.strictEqual(
        one.out,
        [
          "URI              NAME   TYPE        SIZE   DESCRIPTION",
          "x://notes        notes  text/plain  2 KiB",
          "x://notes/{day}  day                       Of a day."
        ].join("\n")
      )
      const all = yield* cli(["mcp", "resources", "--json"], { mcp })
      assert.strictEqual(all.code, 0)
      assert.deepStrictEqual(
        (JSON.parse(all.out) as { resources: Array<{ server: string }> }).resources.map(({ server }) => server),
        ["files"]
      )
      assert.include(all.err, '"git" is not available')
    })
  )

  it.scoped("prints text, describes what is not text, and writes either to a file", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* cli(["mcp", "resources", "files", "x://notes"], { mcp })).out, "buy milk")
      const image = yield* cli(["mcp", "resources", "files", "x://image"], { mcp })
      assert.strictEqual(image.out, "[image/png, 5 B; --output FILE writes it]")
      const json = yield* cli(["mcp", "resources", "files", "x://image", "--json"], { mcp })
      assert.deepStrictEqual(JSON.parse(json.out), [png])
      const files = yield* FileSystem.FileSystem
      const file = `${yield* files.makeTempDirectoryScoped()}/image.png`
      const written = yield* cli(["mcp", "resources", "files", "x://image", "--output", file], { mcp })
      assert.deepStrictEqual([written.out, written.err], ["", `5 B written to ${file}.`])
      assert.strictEqual(yield* files.readFileString(file), "hello")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.effect("ends with 1 when there is no such resource, and with 2 for a file without a resource", () =>
    Effect.gen(function* () {
      const missing = yield* cli(["mcp", "resources", "files", "x://nope"], { mcp })
      assert.deepStrictEqual(
        [missing.code, missing.err],
        [
          1,
          'lms-bridge: Resource "x://nope" of MCP server "files" does not exist. `lms-bridge mcp resources files` lists what there is.'
        ]
      )
      const { code, err } = yield* cli(["mcp", "resources", "files", "--output", "x"], { mcp })
      assert.deepStrictEqual([code, err], [2, "lms-bridge: --output needs a resource to read: mcp resources NAME URI."])
    })
  )
})

describe("mcp prompts", () => {
  const seen: Array<unknown> = []
  const connect = (server: string) =>
    Effect.succeed({
      ...nothing(server),
      prompts: Effect.succeed([
        {
          server,
          name: "review",
          description: "Reviews.",
          arguments: [
            { name: "file", required: true },
            { name: "tone", required: false }
          ]
        }
      ]),
      getPrompt: (name: string, args: Readonly<Record<string, string>>) => {
        seen.push([name, args])
        return Effect.succeed({
          messages: [
            { role: "user" as const, content: { type: "text" as const, text: `Review ${args["file"]}` } },
            { role: "assistant" as const, content: { type: "text" as const, text: "Gladly." } }
          ]
        })
      }
    })

  it.effect("lists prompts with their arguments, and prints one", () =>
    Effect.gen(function* () {
      const list = yield* cli(["mcp", "prompts", "files"], { mcp: { connect } })
      assert.strictEqual(list.out, "PROMPT  ARGUMENTS    DESCRIPTION\nreview  file, tone?  Reviews.")
      const { out } = yield* cli(["mcp", "prompts", "files", "review", '{"file":"a.md"}'], { mcp: { connect } })
      assert.strictEqual(out, "user:\nReview a.md\n\nassistant:\nGladly.")
      assert.deepStrictEqual(seen, [["review", { file: "a.md" }]])
    })
  )

  it.effect("says what is wrong with a name or arguments before it asks the server", () =>
    Effect.gen(function* () {
      for (const [args, says] of [
        [["revew", "{}"], /has no prompt "revew"\. Did you mean review\?/],
        [["review"], /Prompt "review" needs "file" in its arguments\./],
        [["review", '{"file":1}'], /must be a JSON object of strings/]
      ] as const) {
        const { code, err, out } = yield* cli(["mcp", "prompts", "files", ...args], { mcp: { connect } })
        assert.deepStrictEqual([code, out], [2, ""], args.join(" "))
        assert.match(err, says)
      }
    })
  )
})

/** A connection to a server that offers nothing. */
const nothing = (server: string): HeldConnection => ({
  server,
  implementation: { name: server, version: "1" },
  instructions: undefined,
  tools: Effect.succeed([]),
  review: Effect.succeed(unguarded(server, [])),
  toolsEdition: Effect.succeed(""),
  call: () => Effect.dieMessage("not used"),
  resources: Effect.succeed([]),
  resourceTemplates: Effect.succeed([]),
  readResource: () => Effect.dieMessage("not used"),
  prompts: Effect.succeed([]),
  getPrompt: () => Effect.dieMessage("not used"),
  stderrTail: Effect.succeed(""),
  isCurrent: Effect.succeed(true)
})
