import { assert, describe, it } from "@effect/vitest"
import { slim } from "#src/agent/schema/SlimSchema.ts"
import * as TokenCount from "#src/lmstudio/TokenCount.ts"
import * as Toolbox from "#src/agent/tools/Toolbox.ts"
import type { CatalogTool } from "#src/agent/tools/CatalogTool.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import type { McpTool } from "#src/mcp/McpTool.ts"
import { manyTools } from "../manyTools.ts"

const catalogOf = (tools: ReadonlyArray<McpTool>) => ToolCatalog.make(tools, {}).tools

const names = (tools: ReadonlyArray<CatalogTool>) => tools.map(({ name }) => name)

const natively = { inLines: false, lines: 24, nameTokens: 0, contextLength: undefined }

describe("Toolbox", () => {
  it("offers all tools in order when they are few", () => {
    const tools = catalogOf(manyTools.slice(0, 5))
    const toolbox = Toolbox.make(tools, "delete the branch")
    assert.deepStrictEqual(Toolbox.choose(toolbox, tools, { ...natively, count: 5, tokens: undefined }), tools)
  })

  it.each([
    ["How many lines has the file notes.txt in /data?", "files__read_text_file"],
    ["create an issue about the crash in the repository", "github__create_issue"],
    ["what time is it in Tokyo", "time__get_current_time"],
    ["Run a query against the database and count the customers", "sqlite__read_query"],
    ["Fetch https://example.org and summarise the page", "web__fetch"]
  ])("ranks the tool for %s among the first", (task, expected) => {
    const tools = catalogOf(manyTools)
    const toolbox = Toolbox.make(tools, task)
    assert.include(names(toolbox.ranked.slice(0, 4)), expected)
    assert.include(names(Toolbox.choose(toolbox, tools, { ...natively, count: 8, tokens: 1200 })), expected)
  })

  it("stays within the limits of count and tokens, deterministically, in the order of the servers", () => {
    const tools = catalogOf(manyTools)
    assert.isAtLeast(tools.length, 97)
    const chosen = Toolbox.choose(Toolbox.make(tools, "list files"), tools, { ...natively, count: 10, tokens: 1200 })
    assert.isAtMost(chosen.length, 10)
    assert.isAtLeast(chosen.length, 5)
    assert.isAtMost(
      chosen.reduce((sum, tool) => sum + TokenCount.ofJson(slim(tool.definition)), 0),
      1200
    )
    assert.deepStrictEqual(names(chosen), names(tools.filter((tool) => chosen.includes(tool))))
    const again = Toolbox.choose(Toolbox.make(tools, "list files"), tools, { ...natively, count: 10, tokens: 1200 })
    assert.deepStrictEqual(names(again), names(chosen))
  })

  it("fills up with tools of each server when the words of the task match nothing", () => {
    const tools = catalogOf(manyTools)
    const chosen = Toolbox.choose(Toolbox.make(tools, "zzz qqq"), tools, { ...natively, count: 6, tokens: undefined })
    assert.strictEqual(new Set(chosen.map(({ tool }) => tool.server)).size, 6)
  })

  it("puts first what ranks high in two orders, and includes what only one of them has", () => {
    const words = ["a", "b", "c", "d"]
    const meaning = ["x", "b", "y", "z", "a"]
    assert.deepStrictEqual(Toolbox.fuse([words, meaning]), ["b", "a", "x", "c", "y", "d", "z"])
    assert.deepStrictEqual(Toolbox.fuse([words, []]), words)
    assert.deepStrictEqual(
      Toolbox.fuse([
        ["a", "b"],
        ["b", "a"]
      ]),
      ["a", "b"]
    )
  })

  it("ranks by words alone without a semantic rank", () => {
    const tools = catalogOf(manyTools)
    const ranked = names(Toolbox.make(tools, "list files").ranked)
    assert.deepStrictEqual(names(Toolbox.make(tools, "list files", ["gone"]).ranked), ranked)
    const near = names(Toolbox.make(tools, "list files", ["time__get_current_time"]).ranked)
    assert.deepStrictEqual(near.toSorted(), ranked.toSorted())
    assert.isBelow(near.indexOf("time__get_current_time"), ranked.indexOf("time__get_current_time"))
  })

  it("finds tools by what they do", () => {
    const tools = catalogOf(manyTools)
    const toolbox = Toolbox.make(tools, "anything")
    assert.strictEqual(names(toolbox.search("merge a pull request"))[0], "github__merge_pull_request")
    assert.isAtMost(toolbox.search("file").length, 8)
    assert.deepStrictEqual(toolbox.search("zzz"), [])
  })

  it.each([
    ["qwen/qwen3-4b", 10],
    ["qwen3-30b-a3b", 32],
    ["llama-3.2-3b-instruct", 10],
    ["mistral-7b", 16],
    ["openai/gpt-oss-20b", 24],
    ["lfm2-1.2B", 10],
    ["mixtral-8x7b", 16],
    ["phi-4", 32]
  ])("knows how many tools %s keeps apart", (model, expected) => {
    const limits = [
      { billions: 4, tools: 10 },
      { billions: 10, tools: 16 },
      { billions: 20, tools: 24 }
    ]
    assert.strictEqual(Toolbox.countFor({ name: model }, limits, 32), expected)
  })

  it("slims a definition to what a call needs, and keeps the names of parameters", () => {
    assert.deepStrictEqual(
      slim({
        name: "t",
        description: "Does it. And here is a long story.",
        parameters: {
          $schema: "x",
          type: "object",
          title: "T",
          properties: {
            title: { type: "string", title: "Title", description: `${"word ".repeat(40)}`, default: "a", minLength: 1 },
            mode: { enum: ["title", "default"], examples: ["a"] },
            list: { type: "array", items: { type: "object", properties: { default: { type: "integer" } } } }
          },
          required: ["title"]
        }
      }),
      {
        name: "t",
        description: "Does it.",
        parameters: {
          type: "object",
          properties: {
            title: { type: "string", description: `${"word ".repeat(15)}word…`, minLength: 1 },
            mode: { enum: ["title", "default"] },
            list: { type: "array", items: { type: "object", properties: { default: { type: "integer" } } } }
          },
          required: ["title"]
        }
      }
    )
  })
})
