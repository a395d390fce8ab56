import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Either, FastCheck, Schema } from "effect"
import * as Yaml from "yaml"
import * as YamlEdit from "#src/mcp/install/YamlEdit.ts"

const place = { section: "extensions", name: "ours" }
const entry = { enabled: true, cmd: "node", args: ["a.js"], envs: { A: "1" } }

const set = (text: string, how: "merge" | "replace" = "merge", envs: Readonly<Record<string, string>> = entry.envs) =>
  Either.getOrThrow(YamlEdit.set(text, place, { ...entry, envs }, how)).text
const remove = (text: string) => Either.getOrThrow(YamlEdit.remove(text, place)).text
const problem = (text: string) => Either.getOrThrow(Either.flip(YamlEdit.set(text, place, entry, "merge")))

const written = `  ours:
    enabled: true
    cmd: node
    args:
      - a.js
    envs:
      A: "1"
`

const commented = `# my settings
GOOSE_MODEL: qwen # kept
extensions: # of mine
  developer:
    type: builtin   # as it is
    note: |
      two
      lines
  # the last
  memory: { type: builtin, name: "memory" } # on this line
# about the mode
GOOSE_MODE:   'auto'
`

describe("a member of a YAML mapping", () => {
  it("is inserted after the last one, in the file's own indentation and line breaks", () => {
    assert.strictEqual(set(""), `extensions:\n${written}`)
    assert.strictEqual(set("a: 1\n"), `a: 1\nextensions:\n${written}`)
    assert.strictEqual(set(commented), commented.replace("# about", `${written}# about`))
    assert.strictEqual(
      set("extensions:\r\n    a:\r\n        x: 1\r\n"),
      `extensions:\r\n    a:\r\n        x: 1\r\n${written.replace(/^/gm, "  ").replaceAll("\n", "\r\n").trimEnd()}\r\n`
    )
    for (const empty of [
      "extensions:\nz: 1\n",
      "extensions: {} # none\nz: 1\n",
      "extensions: ~\nz: 1\n",
      "extensions: {a: {x: 1}}\nz: 1\n"
    ]) {
      const value = Yaml.parse(set(empty)) as { extensions: object }
      assert.deepNestedInclude(value, { "extensions.ours": entry, z: 1 }, empty)
    }
  })

  it("is changed where it differs, and keeps its comments and other keys", () => {
    const old = `extensions:
  ours: # mine
    cmd: "old" # where node was
    enabled: true
    timeout: 5
    envs:
      TOKEN: x # a secret
  other:
    type: builtin
`
    assert.strictEqual(
      set(old, "merge", { TOKEN: "x", A: "1" }),
      old.replace('"old"', "node").replace("a secret\n", 'a secret\n      A: "1"\n    args:\n      - a.js\n')
    )
    const inBraces = set('extensions: {ours: {cmd: old, envs: {B: "2"}, timeout: 5}}\n')
    assert.deepStrictEqual(Yaml.parse(inBraces), { extensions: { ours: { ...entry, timeout: 5 } } })
    assert.deepStrictEqual(Yaml.parse(set(old, "replace")), { extensions: { ours: entry, other: { type: "builtin" } } })
  })

  it("is identical after its removal", () => {
    for (const text of [
      commented,
      "extensions:\n  a: 1",
      "extensions: {}\n",
      "extensions: {a: 1}\n",
      "extensions:\r\n  a: 1\r\nb: 2\r\n"
    ]) {
      assert.strictEqual(remove(set(text)), text)
    }
    assert.strictEqual(remove(set("a: 1\n")), "a: 1\nextensions: {}\n")
    assert.strictEqual(remove(commented), commented)
  })

  it("is refused with the line where the file is broken, or in a form that cannot be changed", () => {
    assert.deepInclude(problem("a: 1\n\tb: 2\n"), { line: 2 })
    assert.deepStrictEqual(problem("a: 1\nextensions: 3\n"), { line: 2, detail: '"extensions" is not a mapping.' })
    assert.deepStrictEqual(problem("- a\n"), { line: 1, detail: "It is not a mapping of names and values." })
    assert.include(problem("extensions: {}\nextensions: {}\n").detail, "occurs twice")
    assert.include(problem("a: &x {b: 1}\nextensions: *x\n").detail, "cannot be changed here")
  })
})

describe("any YAML", () => {
  const Key = Schema.String.pipe(Schema.filter((key) => key !== "__proto__" && key !== "extensions" && key !== "<<"))
  const Value = Schema.Record({
    key: Key,
    value: Schema.Union(
      Schema.Int,
      Schema.String,
      Schema.Array(Schema.String),
      Schema.Record({ key: Key, value: Schema.String })
    )
  })
  const Extensions = Schema.Record({ key: Key, value: Value })
  const indents = FastCheck.constantFrom(1, 2, 4, 8)
  const breaks = FastCheck.constantFrom("\n", "\r\n")

  it.prop(
    "keeps everything except the member, and is identical after its removal",
    [Arbitrary.make(Value), Arbitrary.make(Extensions), Arbitrary.make(Value), indents, breaks],
    ([before, extensions, after, indent, newline]) => {
      const whole = { ...before, extensions: { ...extensions, z: 1 }, ...after }
      const text = Yaml.stringify(whole, { indent }).replaceAll("\n", newline)
      const read = Yaml.parse(text) as { extensions: object }
      assert.deepStrictEqual(Yaml.parse(set(text)), { ...read, extensions: { ...read.extensions, ours: entry } })
      if (!("ours" in extensions)) assert.strictEqual(remove(set(text)), text)
      assert.strictEqual(set(set(text)), set(text))
    },
    { fastCheck: { numRuns: 25 } }
  )
})
