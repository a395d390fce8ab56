import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Either, FastCheck, Schema } from "effect"
import * as Jsonc from "jsonc-parser"
import * as JsoncEdit from "#src/mcp/install/JsoncEdit.ts"

const place = { section: "mcpServers", name: "ours" }
const entry = { command: "node", args: ["a.js"] }

const set = (text: string, how: "merge" | "replace" = "merge") =>
  Either.getOrThrow(JsoncEdit.set(text, place, entry, how)).text
const remove = (text: string) => Either.getOrThrow(JsoncEdit.remove(text, place)).text
const lines = (...all: ReadonlyArray<string>) => all.join("\n")

const commented = lines(
  "// my servers",
  "{",
  '  "theme": "dark", // kept',
  '  "mcpServers": {',
  "    // reads files",
  '    "files": { "command": "npx" } // on this line',
  "    /* the end */",
  "  }",
  "}",
  ""
)

describe("setting a member", () => {
  it("inserts it after the last one and the comment on its line, in the file's own style", () => {
    assert.strictEqual(
      set(commented),
      lines(
        "// my servers",
        "{",
        '  "theme": "dark", // kept',
        '  "mcpServers": {',
        "    // reads files",
        '    "files": { "command": "npx" }, // on this line',
        '    "ours": {',
        '      "command": "node",',
        '      "args": [',
        '        "a.js"',
        "      ]",
        "    }",
        "    /* the end */",
        "  }",
        "}",
        ""
      )
    )
    assert.include(set('{\r\n\t"mcpServers": {}\r\n}'), '{\r\n\t"mcpServers": {\r\n\t\t"ours": {\r\n\t\t\t"command"')
    assert.include(
      set('{\n    "mcpServers": {\n        "a": 1,\n    },\n}'),
      '"a": 1,\n        "ours": {\n            "c'
    )
    assert.match(set('{\n    "mcpServers": {\n        "a": 1,\n    },\n}'), /\},\n {4}\},\n\}$/)
  })

  it("creates the section if there is none, and the object if the file is empty", () => {
    for (const text of ["", "  \n", "{}", "{\n}\n", '{"a":1}', '{"mcpServers":null}', '{\n  "a": 1 // one\n}\n']) {
      const value = Jsonc.parse(set(text)) as Record<string, unknown>
      assert.deepStrictEqual(value["mcpServers"], { ours: entry }, text)
    }
    assert.strictEqual(set('{"a":1}'), '{"a":1,"mcpServers":{"ours":{"command":"node","args":["a.js"]}}}')
    assert.strictEqual(set("\uFEFF{}").charCodeAt(0), 0xfeff)
  })

  it("changes only the differences in an existing entry, or all of it with `replace`", () => {
    const text = lines(
      "{",
      '  "mcpServers": {',
      '    "ours": {',
      '      "command": "old", // where node was',
      '      "args": ["a.js"],',
      '      "env": { "A": "1" }',
      "    }",
      "  }",
      "}"
    )
    assert.strictEqual(set(text), text.replace('"old"', '"node"'))
    assert.deepStrictEqual(Jsonc.parse(set(text, "replace")), { mcpServers: { ours: entry } })
    const partial = set('{"mcpServers":{"ours":{"command":"node","env":{}}}}')
    assert.deepStrictEqual(Jsonc.parse(partial), { mcpServers: { ours: { ...entry, env: {} } } })
  })

  it("is idempotent", () => {
    const once = Either.getOrThrow(JsoncEdit.set(commented, place, entry, "merge"))
    const twice = Either.getOrThrow(JsoncEdit.set(once.text, place, entry, "merge"))
    assert.deepStrictEqual(twice, { text: once.text, changes: [] })
  })

  it("shows the added lines, and only the beginning of the removed ones", () => {
    assert.deepStrictEqual(Either.getOrThrow(JsoncEdit.set(commented, place, entry, "merge")).changes, [
      {
        line: 7,
        removed: [],
        added: ['    "ours": {', '      "command": "node",', '      "args": [', '        "a.js"', "      ]", "    }"]
      }
    ])
    const secret = '{\n  "mcpServers": {\n    "ours": { "env": { "TOKEN": "s3cret" } },\n    "b": {}\n  }\n}'
    const gone = Either.getOrThrow(JsoncEdit.remove(secret, place))
    assert.deepStrictEqual(gone.changes, [{ line: 3, removed: ['    "ours": { …'], added: [] }])
  })
})

describe("removing a member", () => {
  it("restores the text as it was before", () => {
    for (const text of [
      commented,
      '{\n  "mcpServers": {\n    "a": 1, // one\n    "b": 2, // two\n  },\n}\n',
      '{"mcpServers":{"a":1}}',
      '{ "mcpServers": { "a": 1 } }',
      '{"mcpServers": {"a": 1}}',
      '{"mcpServers":{": ":1,"a":2}}',
      '{\r\n\t"mcpServers": {}\r\n}'
    ]) {
      assert.strictEqual(remove(set(text)), text)
    }
  })

  it("keeps the comments around it", () => {
    const text = lines(
      "{",
      '  "mcpServers": {',
      '    "ours": { "command": "node" },',
      "    // reads files",
      '    "files": {} // the last',
      "  }",
      "}"
    )
    assert.strictEqual(remove(text), text.replace('    "ours": { "command": "node" },\n', ""))
    assert.strictEqual(remove(commented), commented)
  })
})

describe("a text that cannot be changed safely", () => {
  it("is refused with the line", () => {
    const problem = (text: string) => Either.getOrThrow(Either.flip(JsoncEdit.set(text, place, entry, "merge")))
    assert.deepStrictEqual(problem('{\n  "a": 1\n  "b": 2\n}'), { line: 3, detail: "A comma is missing." })
    assert.deepStrictEqual(problem("[]"), { line: 1, detail: "It is not a JSON object." })
    assert.deepStrictEqual(problem('{\n "mcpServers": []}'), { line: 2, detail: '"mcpServers" is not an object.' })
    assert.deepStrictEqual(problem('{"mcpServers": {},\n"mcpServers": {}}'), {
      line: 2,
      detail: '"mcpServers" occurs twice; keep one of them.'
    })
  })
})

describe("any text", () => {
  // a JSON parser makes an ordinary member of this name, JavaScript does not
  const Key = Schema.String.pipe(Schema.filter((key) => key !== "__proto__"))
  const Value = Schema.Record({
    key: Key,
    value: Schema.Union(Schema.Int, Schema.String, Schema.Record({ key: Key, value: Schema.Boolean }))
  })
  const spaces = FastCheck.constantFrom(undefined, 1, 2, 4, "\t")

  it.prop(
    "keeps everything except the member, and is identical after its removal",
    [Arbitrary.make(Value), Arbitrary.make(Value), spaces],
    ([others, servers, space]) => {
      const before = { ...others, mcpServers: { ...servers, z: 1 } }
      const text = JSON.stringify(before, null, space)
      const after = { ...others, mcpServers: { ...servers, z: 1, ours: entry } }
      assert.deepStrictEqual(Jsonc.parse(set(text)), after)
      if (!("ours" in servers)) assert.strictEqual(remove(set(text)), text)
    }
  )
})
