import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as RuleBasedModel from "#src/model/RuleBasedModel.ts"
import type { Turn } from "#src/model/Script.ts"
import * as Script from "#src/model/Script.ts"
import type { Prompt, PromptMessage, PromptTool } from "#src/model/SimulatedModel.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { atPath, post } from "../asked.ts"
import { everything, filesystem, memory, namespaced } from "../tools.ts"

type Results = Readonly<Record<string, (args: unknown) => string>>

const files = "/srv/docs/example/files"

const notes = "# Spring fair\n\n- The honey stand sold out.\n- Bring a second card reader.\n"

const disk: Results = {
  list_allowed_directories: () => "Allowed directories:\n/srv/docs/example/files",
  list_directory: () => "[DIR] data\n[FILE] notes.md\n[FILE] todo.md",
  read_text_file: (args) =>
    String(atPath(args, "path")).endsWith("/notes.md") ? notes : "Error: ENOENT: no such file or directory"
}

/** The same with a table in a subfolder. */
const fair: Results = {
  list_allowed_directories: () => `Allowed directories:\n${files}`,
  list_directory: (args) =>
    atPath(args, "path") === files ? "[DIR] data\n[FILE] notes.md\n[FILE] todo.md" : "[FILE] takings.csv",
  read_text_file: (args) => {
    const path = String(atPath(args, "path"))
    if (path.endsWith(".csv")) return "day,stand,takings\nSaturday,honey,412.50\nSaturday,bakery,388.00\n"
    return path.endsWith("/notes.md") ? notes : "# To do\n\n- [ ] Buy a second card reader\n"
  }
}

const message = (role: PromptMessage["role"], text: string, more: Partial<PromptMessage> = {}): PromptMessage => ({
  role,
  text,
  images: 0,
  toolCalls: [],
  ...more
})

/** Plays a whole conversation: the stand-in's calls, and its final answer. */
const play = (task: string, tools: ReadonlyArray<PromptTool>, results: Results, system = "Use the tools.") => {
  const messages = [message("system", system), message("user", task)]
  const calls: Array<readonly [string, unknown]> = []
  for (let round = 0; round < 12; round += 1) {
    const turn: Turn = Script.turn(RuleBasedModel.next({ model: "m", messages, tools, toolChoice: "auto" }))
    if (turn.toolCalls.length === 0) return { calls, answer: turn.text, rounds: round + 1 }
    const made = turn.toolCalls.map((call, index) => ({
      id: `${round}-${index}`,
      name: call.name,
      arguments: JSON.stringify(call.arguments)
    }))
    messages.push(message("assistant", "", { toolCalls: made }))
    for (const call of made) {
      const args: unknown = JSON.parse(call.arguments)
      calls.push([call.name, args])
      const result = results[call.name.replace(/^.*__/, "")]?.(args) ?? "Error: unknown tool"
      messages.push(message("tool", result, { toolCallId: call.id }))
    }
  }
  throw new Error("the stand-in never came to an end")
}

describe("the rule-based stand-in", () => {
  it("lists the example folder and summarises a file in it, querying the allowed folders once", () => {
    const { answer, calls } = play("List the files in the example folder and summarise notes.md", filesystem, disk)
    assert.deepStrictEqual(calls, [
      ["list_allowed_directories", {}],
      ["list_directory", { path: files }],
      ["read_text_file", { path: `${files}/notes.md` }]
    ])
    assert.include(answer, "Read 1 file: notes.md.")
    assert.include(answer, `The folder ${files} holds 2 files (notes.md, todo.md) and 1 folder (data).`)
    assert.include(answer, "The honey stand sold out.")
  })

  it("lists the content of the allowed folder when asked for files, not which folder that is", () => {
    const { answer, calls } = play("List the files in the allowed folder", filesystem, disk)
    assert.deepStrictEqual(calls, [
      ["list_allowed_directories", {}],
      ["list_directory", { path: files }]
    ])
    assert.include(answer, "2 files (notes.md, todo.md)")
  })

  it("works with namespaced names, and needs no query when the system prompt states the folder", () => {
    const { calls } = play(
      "List the files in the example folder and summarise notes.md",
      namespaced("filesystem", filesystem),
      disk,
      `You may use files in ${files}.`
    )
    assert.deepStrictEqual(calls, [
      ["filesystem__list_directory", { path: files }],
      ["filesystem__read_text_file", { path: `${files}/notes.md` }]
    ])
  })

  it("handles the first sentence of the example task too", () => {
    const { calls } = play('Read the text file "notes.md" and say what it is about.', filesystem, disk)
    assert.deepStrictEqual(calls.at(-1), ["read_text_file", { path: `${files}/notes.md` }])
  })

  it("lists the folder first when a file is named by a word of its name", () => {
    const { calls } = play("Summarise the notes", filesystem, disk)
    assert.deepStrictEqual(
      calls.map(([name]) => name),
      ["list_allowed_directories", "list_directory", "read_text_file"]
    )
  })

  for (const task of ["list the files", "What files are there?"]) {
    it(`only lists the folder for: ${task}`, () => {
      const { answer, calls } = play(task, filesystem, fair)
      assert.deepStrictEqual(calls, [
        ["list_allowed_directories", {}],
        ["list_directory", { path: files }]
      ])
      assert.include(answer, "holds 2 files (notes.md, todo.md) and 1 folder (data).")
    })
  }

  it("searches the files for the answer to a question, including subfolders", () => {
    const { answer, calls } = play("how much did the honey stand take", filesystem, fair)
    assert.deepStrictEqual(calls.slice(1), [
      ["list_directory", { path: files }],
      ["list_directory", { path: `${files}/data` }],
      ["read_text_file", { path: `${files}/data/takings.csv` }],
      ["read_text_file", { path: `${files}/notes.md` }],
      ["read_text_file", { path: `${files}/todo.md` }]
    ])
    const [first = ""] = answer.split("\n").filter((line) => line.startsWith("- "))
    assert.strictEqual(first, "- takings.csv: Saturday,honey,412.50 (day,stand,takings)")
    assert.include(answer, "- notes.md: The honey stand sold out.")
    assert.include(answer, "I am a rule-based stand-in and compare words only")
  })

  it("says so when no line of the files has a word of the question", () => {
    const { answer } = play("Which notes mention the budget?", filesystem, fair)
    assert.include(answer, "Read 3 files: notes.md, todo.md, takings.csv.")
    assert.include(answer, "No line of what I read has a word of")
    assert.include(answer, "(looked for: budget)")
  })

  it("does the same with two servers, and reads the memory of one as a whole", () => {
    const tools = [...namespaced("filesystem", filesystem), ...namespaced("memory", memory)]
    const { answer, calls } = play("Who has the honey?", tools, {
      ...fair,
      read_graph: () => '{\n  "name": "Marta",\n  "observations": ["sells honey"]\n}'
    })
    assert.deepStrictEqual(calls[0], ["memory__read_graph", {}])
    assert.isAtMost(calls.length, RuleBasedModel.mostCalls)
    assert.include(answer, '- memory__read_graph: "observations": ["sells honey"]')
  })

  it("queries a search tool with the words of a question", () => {
    const search: PromptTool = {
      name: "web_lookup_search",
      description: "Searches.",
      parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] }
    }
    const { calls } = play("When was the lighthouse built?", [search], { web_lookup_search: () => "Lighthouse: 1890" })
    assert.deepStrictEqual(calls, [["web_lookup_search", { query: "lighthouse built" }]])
  })

  it("does not explore for a task that wants something created, nor after a failed listing", () => {
    assert.deepStrictEqual(play("Write a poem", filesystem, fair).calls, [])
    const { answer, calls } = play("What files are there?", filesystem, {})
    assert.lengthOf(calls, 2)
    assert.include(answer, "failed")
  })

  it("calls a tool for one path once for each path", () => {
    const { calls } = play(`Read ${files}/notes.md and ${files}/todo.md`, filesystem.slice(0, 2), disk)
    assert.deepStrictEqual(calls, [
      ["read_text_file", { path: `${files}/notes.md` }],
      ["read_text_file", { path: `${files}/todo.md` }]
    ])
  })

  it("fills an array of paths if only such a tool is offered", () => {
    const many = filesystem.filter(({ name }) => name === "read_multiple_files")
    const { calls } = play("Read /a/one.txt and /a/two.txt", many, { read_multiple_files: () => "one\ntwo" })
    assert.deepStrictEqual(calls, [["read_multiple_files", { paths: ["/a/one.txt", "/a/two.txt"] }]])
  })

  it("reports a failed call and does not repeat it", () => {
    const { answer, calls } = play(`Read ${files}/missing.txt`, filesystem, disk)
    assert.lengthOf(calls, 1)
    assert.include(answer, "1 call failed.")
    assert.include(answer, "ENOENT")
  })

  it("reports a result once if a client sends it as text and as JSON", () => {
    const { answer } = play(`Read ${files}/notes.md`, filesystem, {
      read_text_file: () => `${notes}\n\nStructured result: {"content":"# Spring fair"}`
    })
    assert.include(answer, "Bring a second card reader.")
    assert.notInclude(answer, "Structured")
  })

  it("never changes anything that the task does not ask to change", () => {
    for (const task of ["Read the folder", "Summarise everything in the directory", "Delete all of it"]) {
      const { calls } = play(task, filesystem, disk)
      assert.deepStrictEqual(
        calls.filter(([name]) => /write|create|move/.test(name)),
        []
      )
    }
  })

  it("does not write to a file that it should read, although no other tool is offered", () => {
    const write = filesystem.filter(({ name }) => name === "write_file")
    assert.deepStrictEqual(play('Look at the text file /a/b.txt, it says "hello"', write, {}).calls, [])
  })

  it("ends a task of many parts after a limited number of calls, with what it has", () => {
    const task = Array.from({ length: 12 }, (_, index) => `Echo "part ${index}".`).join(" ")
    const { answer, calls } = play(task, everything, { echo: () => "said" })
    assert.lengthOf(calls, RuleBasedModel.mostCalls)
    assert.include(answer, "said")
  })

  it("fills the nested arguments of server-memory", () => {
    const { calls } = play('Create an entity named Ada of type person with the observation "likes tea"', memory, {
      create_entities: () => "[]"
    })
    assert.deepStrictEqual(calls, [
      ["create_entities", { entities: [{ name: "Ada", entityType: "person", observations: ["likes tea"] }] }]
    ])
  })

  it("searches the memory for the words after 'for'", () => {
    const { calls } = play("Search the memory for green tea", memory, { search_nodes: () => "{}" })
    assert.deepStrictEqual(calls, [["search_nodes", { query: "green tea" }]])
  })

  it("echoes and adds", () => {
    const results: Results = {
      echo: (args) => `Echo: ${String(atPath(args, "message"))}`,
      "get-sum": () => "The sum is 42."
    }
    assert.deepStrictEqual(play("Echo hello world", everything, results).calls, [["echo", { message: "hello world" }]])
    const { answer, calls } = play("Add 2 and 40", everything, results)
    assert.deepStrictEqual(calls, [["get-sum", { a: 2, b: 40 }]])
    assert.include(answer, "The sum is 42.")
  })

  it("does one thing after the other when a task asks for two", () => {
    const { calls } = play('Add 5 and 6 and echo "done"', everything, { "get-sum": () => "11", echo: () => "done" })
    assert.deepStrictEqual(calls, [
      ["get-sum", { a: 5, b: 6 }],
      ["echo", { message: "done" }]
    ])
  })

  it("says what it is when no tools are offered, and when none matches", () => {
    assert.match(play("Write a poem", [], {}).answer, /^I am a rule-based stand-in, not a language model, and no tools/)
    assert.match(play("Write a poem", everything, {}).answer, /none of the 4 tools offered fits/)
  })

  it("answers with what it has when the tools are withdrawn", () => {
    const call = { id: "1", name: "echo", arguments: '{"message":"hi"}' }
    const turn = Script.turn(
      RuleBasedModel.next({
        model: "m",
        messages: [
          message("user", "Echo hi"),
          message("assistant", "", { toolCalls: [call] }),
          message("tool", "Echo: hi", { toolCallId: "1" }),
          message("user", "Give your final answer now.")
        ],
        tools: [],
        toolChoice: "none"
      })
    )
    assert.include(turn.text, "Echo: hi")
  })

  it("comes to an end however the tools answer", () => {
    const { calls, rounds } = play("Summarise all files in the example folder", filesystem, {
      list_allowed_directories: () => files,
      list_directory: () => Array.from({ length: 40 }, (_, index) => `[FILE] f${index}.txt`).join("\n"),
      read_text_file: () => "x"
    })
    assert.isAtMost(calls.length, RuleBasedModel.mostCalls)
    assert.isAtMost(rounds, 5)
  })

  it("gives the same answer to the same conversation", () => {
    const prompt: Prompt = {
      model: "m",
      messages: [message("user", "List the files in /srv/a")],
      tools: filesystem,
      toolChoice: "auto"
    }
    assert.deepStrictEqual(RuleBasedModel.next(prompt), RuleBasedModel.next(prompt))
  })

  it("answers with the smallest value that matches a schema", () => {
    const answerSchema = {
      type: "object",
      properties: {
        name: { type: "string" },
        kind: { enum: ["a", "b"] },
        tags: { type: "array", items: { type: "string" }, minItems: 1 },
        note: { type: "string" }
      },
      required: ["name", "kind", "tags"]
    }
    const { text } = Script.turn(
      RuleBasedModel.next({ model: "m", messages: [message("user", "x")], tools: [], toolChoice: "auto", answerSchema })
    )
    assert.deepStrictEqual(JSON.parse(text), {
      name: "a rule-based stand-in",
      kind: "a",
      tags: ["a rule-based stand-in"]
    })
  })

  it.scoped("answers on the wire with real tool calls", () =>
    Effect.gen(function* () {
      const { at } = yield* post("/v1/chat/completions", {
        model: "qwen/qwen3-8b",
        messages: [{ role: "user", content: "Add 2 and 40" }],
        tools: everything.map((each) => ({ type: "function", function: each }))
      })
      assert.strictEqual(at("choices.0.finish_reason"), "tool_calls")
      assert.deepStrictEqual(at("choices.0.message.tool_calls.0.function"), {
        name: "get-sum",
        arguments: '{"a":2,"b":40}'
      })
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it("says that it saw only a part of a result, and counts no name that was cut", () => {
    const { answer } = play("List the files in the allowed folder", filesystem, {
      ...disk,
      list_directory: () =>
        "[FILE] a.md\n[FILE] b.md\n[FILE] c\n[… 900 of 1000 bytes left out here: the text is too long to show whole …]\nz.md\n[FILE] zz.md"
    })
    assert.include(answer, `Of the folder ${files} I saw only a part, with 3 files (a.md, b.md, zz.md); it holds more.`)
  })
})
