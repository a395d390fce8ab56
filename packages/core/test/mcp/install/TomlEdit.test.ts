import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Either, FastCheck, Schema } from "effect"
import * as Toml from "smol-toml"
import * as TomlEdit from "#src/mcp/install/TomlEdit.ts"

const place = { section: "mcp_servers", name: "ours" }
const entry = { command: "node", args: ["a.js"], env: { A: "1" } }

const set = (text: string, how: "merge" | "replace" = "merge", env: Readonly<Record<string, string>> = entry.env) =>
  Either.getOrThrow(TomlEdit.set(text, place, { ...entry, env }, how)).text
const remove = (text: string) => Either.getOrThrow(TomlEdit.remove(text, place)).text
const problem = (text: string) => Either.getOrThrow(Either.flip(TomlEdit.set(text, place, entry, "merge")))

const written = `[mcp_servers.ours]
command = "node"
args = ["a.js"]

[mcp_servers.ours.env]
A = "1"
`

const commented = `# my settings
model = "o4" # kept

[mcp_servers.files] # reads files
command = 'npx' # as it is
args = [
  "-y", # yes
  "[not.a.header]",
]
note = """
[mcp_servers.ours]
"""

# about the history
[history]
persistence = "none"
`

describe("a table of TOML", () => {
  it("is inserted beside the others, in the file's own line breaks", () => {
    assert.strictEqual(set(""), written)
    assert.strictEqual(set('model = "o4"\n'), `model = "o4"\n\n${written}`)
    assert.strictEqual(set(commented), commented.replace('\n"""\n\n#', `\n"""\n\n${written}\n#`))
    assert.include(set('model = "o4"\r\n'), '\r\n\r\n[mcp_servers.ours]\r\ncommand = "node"\r\n')
    assert.strictEqual(set("[a]\nx = 1\n[b]\n").indexOf("[mcp_servers.ours]"), "[a]\nx = 1\n[b]\n\n".length)
  })

  it("is changed where it differs, and keeps its comments and other keys", () => {
    const old = `[mcp_servers.ours] # mine
  command = "old" # where node was
  startup_timeout_sec = 20
  [mcp_servers.ours.env]
  TOKEN = "x" # a secret

[z]
`
    assert.strictEqual(
      set(old, "merge", { TOKEN: "x", A: "1" }),
      old
        .replace('"old"', '"node"')
        .replace("= 20\n", '= 20\n  args = ["a.js"]\n')
        .replace("a secret\n", 'a secret\n  A = "1"\n')
    )
    const inBraces = '[mcp_servers]\nours = { command = "old", env = { B = "2" } }\n[z]\n'
    const [name, found] = Object.entries(Toml.parse(set(inBraces))["mcp_servers"] as object)[0] ?? []
    assert.deepStrictEqual([name, found], ["ours", entry])
    assert.strictEqual(set("mcp_servers.ours.command = 1\nmodel = 2\n", "replace").includes("model = 2"), true)
  })

  it("is identical after its removal", () => {
    const texts = ["", commented, "a = 1", "a = 1\n", "# c\n\n", "[mcp_servers.a]\nx = 1\n[b]\n", "a = 1\r\n[b]\r\n"]
    for (const text of texts) assert.strictEqual(remove(set(text)), text)
    assert.strictEqual(remove(`a = 1\n\n${written}\n# next\n[b]\n`), "a = 1\n\n# next\n[b]\n")
    assert.strictEqual(remove(commented), commented)
  })

  it("is refused with the line where the file is broken, or in a form that cannot be changed", () => {
    assert.deepInclude(problem('a = 1\nb = "x\n'), { line: 2 })
    assert.deepStrictEqual(problem("a = 1\nmcp_servers = 3\n"), { line: 2, detail: '"mcp_servers" is not a table.' })
    assert.include(problem("mcp_servers = { a = { command = 'x' } }\n").detail, "cannot be changed here")
  })

  it("shows the added lines, and of the removed ones only the first", () => {
    const { changes } = Either.getOrThrow(TomlEdit.set('model = "o4"\n', place, entry, "merge"))
    assert.deepStrictEqual(changes, [
      {
        line: 3,
        removed: [],
        added: written
          .trimEnd()
          .split("\n")
          .filter((line) => line !== "")
      }
    ])
    assert.deepStrictEqual(Either.getOrThrow(TomlEdit.remove(written, place)).changes, [
      { line: 1, removed: ["[mcp_servers.ours] …"], added: [] }
    ])
  })
})

describe("any TOML", () => {
  const Key = Schema.String.pipe(
    Schema.filter((key) => key !== "__proto__" && key !== "mcp_servers" && !/[\uD800-\uDFFF]/.test(key))
  )
  const Text = Schema.String.pipe(Schema.filter((text) => !/[\uD800-\uDFFF]/.test(text)))
  const Value = Schema.Record({
    key: Key,
    value: Schema.Union(Schema.Int, Text, Schema.Record({ key: Key, value: Text }))
  })
  const Servers = Schema.Record({
    key: Key,
    value: Schema.Struct({ command: Text, args: Schema.Array(Text), env: Schema.Record({ key: Key, value: Text }) })
  })
  const breaks = FastCheck.constantFrom("\n", "\r\n", "\n# [mcp_servers.ours]\n", "\n\t\n")

  it.prop(
    "keeps everything except the table, and is identical after its removal",
    [Arbitrary.make(Value), Arbitrary.make(Servers), breaks],
    ([others, servers, between]) => {
      const text = Toml.stringify({ ...others, mcp_servers: servers }).replaceAll("\n", between)
      const after = Toml.parse(set(text))
      assert.deepStrictEqual(after, Toml.parse(Toml.stringify({ ...others, mcp_servers: { ...servers, ours: entry } })))
      if (!("ours" in servers)) assert.strictEqual(remove(set(text)), text)
      assert.strictEqual(set(set(text)), set(text))
    }
  )
})
