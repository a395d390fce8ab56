import { assert, describe, it } from "@effect/vitest"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Either } from "effect"
import * as Arguments from "#src/options/Arguments.ts"

const load = Command.make("load", {
  name: Args.text({ name: "NAME" }),
  json: Options.boolean("json"),
  ttl: Options.text("ttl").pipe(Options.optional),
  with: Options.text("with").pipe(Options.repeated)
})

const catalogue: ReadonlyArray<Arguments.Entry> = [
  { path: [], usage: { _tag: "Empty" } },
  { path: ["models"], usage: { _tag: "Empty" } },
  { path: ["models", "load"], usage: Command.getUsage(load) }
]

const normalize = (...args: ReadonlyArray<string>) => Arguments.normalize(catalogue, args)
const line = (...args: ReadonlyArray<string>) => Either.getOrThrow(normalize(...args)).args
const refusal = (...args: ReadonlyArray<string>) => Either.getOrThrow(Either.flip(normalize(...args))).message

describe("Arguments", () => {
  it("puts options first and arguments after `--`, wherever they were", () => {
    const expected = ["models", "load", "--ttl", "5m", "--json", "true", "--", "qwen"]
    assert.deepStrictEqual(line("models", "load", "qwen", "--ttl", "5m", "--json"), expected)
    assert.deepStrictEqual(line("models", "load", "--ttl=5m", "qwen", "--json"), expected)
    assert.deepStrictEqual(line("models", "load", "--ttl", "5m", "--json", "--", "qwen"), expected)
  })

  it("makes flags explicit, so that they do not take the next argument", () => {
    assert.deepStrictEqual(line("models", "load", "--json", "yes"), ["models", "load", "--json", "true", "--", "yes"])
    assert.deepStrictEqual(line("models", "load", "--json=false", "a"), [
      "models",
      "load",
      "--json",
      "false",
      "--",
      "a"
    ])
  })

  it("refuses an option that the command does not have, and names similar ones", () => {
    assert.include(refusal("models", "load", "a", "--jsom"), "There is no option --jsom")
    assert.include(refusal("models", "load", "a", "--ttls", "5m"), "did you mean --ttl?")
    assert.include(refusal("models", "load", "-x"), "There is no option -x")
    assert.include(refusal("--json", "models", "load", "a"), "There is no option --json")
  })

  it("refuses an option without a value, and does not take the next option for the value", () => {
    assert.include(refusal("models", "load", "a", "--ttl"), "--ttl needs a value")
    assert.include(refusal("models", "load", "a", "--with", "--json"), "--with needs a value")
    assert.include(refusal("models", "load", "a", "--with", "--", "b"), "--with needs a value")
    assert.include(refusal("models", "load", "a", "--json=maybe"), "--json takes no value")
  })

  it("leaves the words of a program to it", () => {
    const more = [
      { path: ["mcp"], usage: { _tag: "Empty" as const } },
      { path: ["mcp", "add"], usage: { _tag: "Empty" as const } }
    ]
    const read = (...args: ReadonlyArray<string>) => Either.getOrThrow(Arguments.normalize(more, args)).args
    const expected = ["mcp", "add", "--", "files", "npx", "-y", "server", "--x=1"]
    assert.deepStrictEqual(read("mcp", "add", "files", "npx", "-y", "server", "--x=1"), expected)
    assert.deepStrictEqual(read("mcp", "add", "files", "--", "npx", "-y", "server", "--x=1"), expected)
    assert.isTrue(Either.isLeft(Arguments.normalize(more, ["mcp", "add", "-y"])))
  })

  it("takes `list` for `ls`, and `help` and `version` as words, but not in place of an argument", () => {
    const more = [...catalogue, { path: ["models", "ls"], usage: { _tag: "Empty" as const } }]
    const read = (...args: ReadonlyArray<string>) => Either.getOrThrow(Arguments.normalize(more, args)).args
    assert.deepStrictEqual(read("models", "list"), ["models", "ls"])
    assert.deepStrictEqual(read("help"), ["--help", "true"])
    assert.deepStrictEqual(read("help", "models", "ls"), ["models", "ls", "--help", "true"])
    assert.deepStrictEqual(read("version"), ["--version", "true"])
    assert.deepStrictEqual(read("models", "load", "help"), ["models", "load", "--", "help"])
  })

  it("accepts attached values that look like options or contain an equals sign", () => {
    assert.deepStrictEqual(line("models", "load", "--with=--x", "--with=a=b", "n"), [
      "models",
      "load",
      "--with",
      "--x",
      "--with",
      "a=b",
      "--",
      "n"
    ])
  })

  it("refuses a command that does not exist, at every level, and points to the help", () => {
    assert.strictEqual(refusal("frob"), 'There is no command "frob". See `lms-bridge --help`.')
    assert.strictEqual(
      refusal("modles"),
      'There is no command "modles"; did you mean "models"? See `lms-bridge --help`.'
    )
    assert.strictEqual(
      refusal("models", "laod"),
      'There is no command "models laod"; did you mean "models load"? See `lms-bridge models --help`.'
    )
    assert.include(refusal("load", "qwen"), 'did you mean "models load"?')
  })

  it("treats a dash, a negative number and the name of a command as arguments", () => {
    assert.deepStrictEqual(line("models", "load", "-", "-1", "models"), ["models", "load", "--", "-", "-1", "models"])
  })

  it("accepts the options of every command before the command", () => {
    assert.deepStrictEqual(line("-h", "models", "load", "a"), ["models", "load", "-h", "true", "--", "a"])
    assert.deepStrictEqual(line("--help"), ["--help", "true"])
  })

  it("removes the log level from the line, wherever it is, and refuses an unknown one", () => {
    for (const words of [
      ["--log-level", "debug", "models", "load", "a"],
      ["models", "load", "a", "--log-level=debug"]
    ]) {
      const { args, logLevel } = Either.getOrThrow(normalize(...words))
      assert.strictEqual(logLevel, "debug")
      assert.deepStrictEqual(args, ["models", "load", "--", "a"])
    }
    assert.isUndefined(Either.getOrThrow(normalize("models")).logLevel)
    assert.match(
      refusal("models", "load", "a", "--log-level", "loud"),
      /--log-level is "loud", but must be one of .*debug/
    )
  })
})
