import { assert, describe, it } from "@effect/vitest"
import { CurrentOperatingSystem, type OperatingSystem } from "#src/machine/OperatingSystem.ts"
import * as MissingProgram from "#src/mcp/transport/MissingProgram.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import { Effect, Either, TestClock } from "effect"
import * as fakeFiles from "../fakeFiles.ts"

interface Entry {
  readonly command?: string
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly url?: string
}

const definition = (settings: Entry) =>
  ServerDefinition.make(
    { name: "it", source: "/mcp.json", line: 1, settings: Either.right(settings) },
    { variables: { environment: () => undefined, workspaceFolder: "/", userHome: "/home/me" }, nested: false }
  )

/** What is said of an entry where these programs are. */
const said = (
  entry: Entry,
  there: ReadonlyArray<string> = [],
  options: { readonly system?: OperatingSystem; readonly variables?: Record<string, string> } = {}
) => {
  const files = fakeFiles.make()
  for (const file of there) files.write(file, "")
  for (const file of there) if (!file.startsWith("/data/")) files.allow(file)
  const { system = "linux", variables = { PATH: "/usr/local/bin:/usr/bin" } } = options
  const one = definition(entry)
  return MissingProgram.make(Effect.succeed((name) => variables[name])).pipe(
    Effect.flatMap((look) => look([one])),
    Effect.map((problems) => problems.get(one)),
    Effect.provideService(CurrentOperatingSystem, system),
    Effect.provide(files.layer)
  )
}

describe("MissingProgram", () => {
  it.effect.each<readonly [string, Entry, ReadonlyArray<string>]>([
    ["on the PATH", { command: "npx" }, ["/usr/bin/npx"]],
    ["on the PATH of its entry", { command: "mine", env: { PATH: "/opt/bin" } }, ["/opt/bin/mine"]],
    ["at its path", { command: "/opt/it" }, ["/opt/it"]],
    ["relative to its folder", { command: "./it", cwd: "/opt" }, ["/opt", "/opt/it"]],
    ["with its script", { command: "node", args: ["/srv/it.js"] }, ["/usr/bin/node", "/srv/it.js"]],
    ["with a script without its ending", { command: "node", args: ["/srv/it"] }, ["/usr/bin/node", "/srv/it.js"]],
    ["with options before its script", { command: "node", args: ["--import", "x.js"] }, ["/usr/bin/node"]],
    ["with a module of Python", { command: "python3", args: ["-m", "it.server"] }, ["/usr/bin/python3"]],
    ["with a package that is fetched", { command: "npx", args: ["-y", "./nope.js"] }, ["/usr/bin/npx"]],
    ["somewhere else", { url: "https://example.org/mcp" }, []]
  ])("says nothing of a program %s", ([, entry, there]) =>
    Effect.map(said(entry, there), (problem) => assert.isUndefined(problem))
  )

  it.effect.each<readonly [string, Entry, ReadonlyArray<string>, string]>([
    ["a program", { command: "nope" }, [], 'its command was not found. Install "nope", or write its full path'],
    ["a known program", { command: "uvx" }, [], "Install uv (https://docs.astral.sh/uv), which has"],
    ["a path", { command: "/opt/nope" }, [], "its command was not found"],
    ["a program outside the PATH of its entry", { command: "npx", env: { PATH: "/x" } }, ["/usr/bin/npx"], "not found"],
    [
      "a script",
      { command: "node", args: ["/srv/no.js"] },
      ["/usr/bin/node"],
      'Its script "/srv/no.js" does not exist'
    ],
    ["a script of Python", { command: "python3.12", args: ["no.py"] }, ["/usr/bin/python3.12"], 'script "no.py"'],
    ["a working folder", { command: "npx", cwd: "/nope" }, ["/usr/bin/npx"], "working directory /nope does not exist"],
    ["the right to execute", { command: "/data/it" }, ["/data/it"], '"/data/it" is not executable']
  ])("says that %s is missing", ([, entry, there, words]) =>
    Effect.map(said(entry, there), (problem) => assert.include(problem, words))
  )

  it.effect("says nothing where the PATH is not known", () =>
    Effect.map(said({ command: "nope" }, [], { variables: {} }), (problem) => assert.isUndefined(problem))
  )

  it.effect("adds the endings of programs on Windows", () =>
    Effect.gen(function* () {
      const windows = { system: "win32", variables: { PATH: "/a;/b", PATHEXT: ".EXE;.cmd" } } as const
      assert.isUndefined(yield* said({ command: "npx" }, ["/b/npx.cmd"], windows))
      assert.isUndefined(yield* said({ command: "npx", env: { Path: "/c" } }, ["/c/npx.EXE"], windows))
      assert.include(yield* said({ command: "npx" }, ["/b/npx.sh"], windows), "not found")
    })
  )

  it.effect("looks again after a second", () =>
    Effect.gen(function* () {
      const files = fakeFiles.make()
      const one = definition({ command: "/opt/it" })
      const look = yield* Effect.provide(MissingProgram.make(Effect.succeed(() => undefined)), files.layer)
      assert.isTrue((yield* look([one])).has(one))
      files.write("/opt/it", "")
      files.allow("/opt/it")
      yield* TestClock.adjust("2 seconds")
      assert.isFalse((yield* look([one])).has(one))
    })
  )
})
