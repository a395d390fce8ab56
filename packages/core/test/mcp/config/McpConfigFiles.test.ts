import { assert, describe, it } from "@effect/vitest"
import * as McpConfigFiles from "#src/mcp/config/McpConfigFiles.ts"
import { ConfigProvider, Effect, Either, Option } from "effect"
import * as fakeFiles from "../fakeFiles.ts"
import { config, names, server, withFiles } from "../withFiles.ts"

describe("McpConfigFiles", () => {
  it.effect("uses the first file that exists, in the documented order", () =>
    withFiles((files, configuration) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* names(configuration), { path: undefined, servers: [] })
        const places = [
          "/home/me/.mcp.json", // also the folder above the project
          "/home/me/project/.mcp.json",
          "/home/me/.lmstudio/mcp.json"
        ]
        for (const place of places) {
          files.write(place, config(place))
          assert.deepStrictEqual(yield* names(configuration), { path: place, servers: [place] })
        }
        const candidates = yield* configuration.candidates
        assert.deepStrictEqual(
          candidates.slice(0, 4).map(({ exists, origin, path, used }) => [path, origin, exists, used]),
          [
            ["/home/me/.lmstudio/mcp.json", "LM Studio", true, true],
            ["/home/me/project/.mcp.json", "project", true, false],
            ["/home/me/.mcp.json", "home", true, false],
            ["/home/me/project/.vscode/mcp.json", "VS Code", false, false]
          ]
        )
        // the content of an unused file can be shown too
        assert.deepStrictEqual(candidates[2]?.entries, [{ name: "/home/me/.mcp.json", line: 1 }])
        assert.isUndefined(candidates[3]?.entries)
        files.remove("/home/me/.lmstudio/mcp.json")
        assert.strictEqual((yield* names(configuration)).path, "/home/me/project/.mcp.json")
      })
    )
  )

  it.effect("searches only MCP_JSON_PATH, with ~ for the home directory", () =>
    withFiles(
      (_, configuration) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* names(configuration), { path: "/home/me/other/mcp.json", servers: ["here"] })
          assert.strictEqual((yield* configuration.candidates).length, 1)
        }),
      {
        override: "~/other/mcp.json",
        prepare: (files) => {
          files.write("/home/me/.lmstudio/mcp.json", config("there"))
          files.write("/home/me/other/mcp.json", config("here"))
        }
      }
    )
  )

  it.effect("reports that the file of MCP_JSON_PATH does not exist, instead of using another", () =>
    withFiles(
      (_, configuration) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(configuration.current)
          assert.deepInclude(error, { reason: "NotFound", path: "/home/me/project/missing.json" })
          assert.include(error.message, "Correct MCP_JSON_PATH")
          assert.deepStrictEqual(yield* configuration.candidates, [
            { path: "/home/me/project/missing.json", origin: "setting", exists: false, used: false }
          ])
        }),
      { override: "missing.json", prepare: (files) => files.write("/home/me/.mcp.json", config("a")) }
    )
  )

  it.effect("does not skip a file that may not be read", () =>
    withFiles(
      (_, configuration) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(configuration.current)
          assert.deepInclude(error, { reason: "NotReadable", path: "/home/me/.lmstudio/mcp.json" })
          assert.include(error.message, "Permission denied.")
        }),
      {
        prepare: (files) => {
          files.write("/home/me/.lmstudio/mcp.json", config("a"))
          files.forbid("/home/me/.lmstudio/mcp.json")
          files.write("/home/me/.mcp.json", config("b"))
        }
      }
    )
  )

  it.effect("reads an unchanged file once, and checks it with one stat", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          const first = yield* configuration.current
          assert.deepStrictEqual(files.asked, { stat: 1, read: 1 })
          const second = yield* configuration.current
          assert.deepStrictEqual(files.asked, { stat: 2, read: 1 })
          assert.strictEqual(second, first)
        }),
      { prepare: (files) => files.write("/home/me/.lmstudio/mcp.json", config("a")) }
    )
  )

  it.effect("detects a change in place, and a file that was replaced by renaming", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          assert.deepStrictEqual((yield* names(configuration)).servers, ["a"])
          files.write("/home/me/.mcp.json", config("b"))
          assert.deepStrictEqual((yield* names(configuration)).servers, ["b"])
          files.replace("/home/me/.mcp.json", config("c"))
          assert.deepStrictEqual((yield* names(configuration)).servers, ["c"])
        }),
      { prepare: (files) => files.write("/home/me/.mcp.json", config("a")) }
    )
  )

  it.effect(
    "keeps the last good configuration while the file is broken, reports it once, and uses the repaired one",
    () =>
      withFiles(
        (files, configuration, logged) =>
          Effect.gen(function* () {
            yield* configuration.current
            files.write("/home/me/.mcp.json", '{ "mcpServers": {\n "b"')
            assert.deepStrictEqual((yield* names(configuration)).servers, ["a"])
            assert.deepStrictEqual((yield* names(configuration)).servers, ["a"])
            assert.strictEqual(logged.length, 1)
            assert.include(logged[0], "/home/me/.mcp.json, line 2")
            const used = (yield* configuration.candidates).find((candidate) => candidate.used)
            assert.include(used?.problem, "line 2")
            files.write("/home/me/.mcp.json", config("c"))
            assert.deepStrictEqual((yield* names(configuration)).servers, ["c"])
            assert.isUndefined((yield* configuration.candidates).find((candidate) => candidate.used)?.problem)
          }),
        { prepare: (files) => files.write("/home/me/.mcp.json", config("a")) }
      )
  )

  it.effect("fails with line and reason if there never was a good configuration", () =>
    withFiles(
      (_, configuration) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(configuration.current)
          assert.deepInclude(error, { reason: "NotJson", line: 2 })
          const [used] = (yield* configuration.candidates).filter((candidate) => candidate.used)
          assert.strictEqual(used?.path, "/home/me/.mcp.json")
        }),
      { prepare: (files) => files.write("/home/me/.mcp.json", '{\n"mcpServers": {]') }
    )
  )

  it.effect("takes variables from the environment, and detects that it runs inside another bridge", () =>
    withFiles(
      (_, configuration) =>
        Effect.gen(function* () {
          const { servers } = yield* configuration.current
          const launch = servers.get("a")?.launch
          assert.deepInclude(launch?.pipe(Either.flip, Either.getOrThrow), { reason: "TooDeep" })
          assert.strictEqual(configuration.depth, 1)
          const inherited = yield* configuration.inherited
          assert.strictEqual(inherited("HOME"), "/home/me")
          assert.isUndefined(inherited("SECRET"))
        }),
      {
        environment: { LMS_BRIDGE_DEPTH: "1", SECRET: "x" },
        prepare: (files) => files.write("/home/me/.mcp.json", config("a"))
      }
    )
  )

  it.effect("merges all files when configured to, the project's before the user's, and reports what is shadowed", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          const { path, servers, shadowed } = yield* configuration.current
          assert.strictEqual(path, "/home/me/project/.mcp.json")
          assert.deepStrictEqual(
            [...servers.values()].map(({ name, source }) => [name, source]),
            [
              ["both", "/home/me/project/.mcp.json"],
              ["code", "/home/me/project/.vscode/mcp.json"],
              ["studio", "/home/me/.lmstudio/mcp.json"],
              ["desktop", "/home/me/.config/Claude/claude_desktop_config.json"]
            ]
          )
          assert.deepStrictEqual(
            [...shadowed].map(([name, servers]) => [name, servers.map(({ source }) => source)]),
            [["both", ["/home/me/.lmstudio/mcp.json", "/home/me/.config/Claude/claude_desktop_config.json"]]]
          )
          // a change in one file does not affect the servers of the others
          files.write("/home/me/.lmstudio/mcp.json", config("new"))
          const after = yield* configuration.current
          assert.deepStrictEqual([...after.servers.keys()].toSorted(), ["both", "code", "desktop", "new"])
          assert.strictEqual(after.servers.get("desktop"), servers.get("desktop"))
        }),
      {
        mode: "all",
        prepare: (files) => {
          files.write("/home/me/.config/Claude/claude_desktop_config.json", config("desktop", "both"))
          files.write("/home/me/project/.vscode/mcp.json", { servers: { code: server("code") }, inputs: [] })
          files.write("/home/me/.lmstudio/mcp.json", config("studio", "both"))
          files.write("/home/me/project/.mcp.json", config("both"))
        }
      }
    )
  )

  it.effect("does not let one broken file affect the others, and says what is wrong with it", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          assert.deepStrictEqual((yield* names(configuration)).servers, ["studio"])
          const broken = (yield* configuration.candidates).find(({ path }) => path === "/home/me/project/.mcp.json")
          assert.match(broken?.problem ?? "", /line 1.*Nothing in it is used\.$/)
          files.remove("/home/me/.lmstudio/mcp.json")
          assert.deepInclude(yield* Effect.flip(configuration.current), { path: "/home/me/project/.mcp.json" })
        }),
      {
        mode: "all",
        prepare: (files) => {
          files.write("/home/me/project/.mcp.json", "{")
          files.write("/home/me/.lmstudio/mcp.json", config("studio"))
        }
      }
    )
  )

  it.effect("treats another program's file with only its own settings as one without servers", () =>
    withFiles(
      (_, configuration) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* names(configuration), {
            path: "/home/me/Library/Application Support/Claude/claude_desktop_config.json",
            servers: []
          })
        }),
      {
        system: "darwin",
        prepare: (files) =>
          files.write("/home/me/Library/Application Support/Claude/claude_desktop_config.json", { globalShortcut: "" })
      }
    )
  )

  it.effect("works without a home directory", () =>
    Effect.sync(() => {
      const files = fakeFiles.make()
      return files
    }).pipe(
      Effect.flatMap((files) =>
        McpConfigFiles.make({ override: Option.none(), cwd: "/srv/app" }).pipe(
          Effect.flatMap((configuration) => configuration.candidates),
          Effect.scoped,
          Effect.provide(files.layer),
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
        )
      ),
      Effect.map((candidates) =>
        assert.deepStrictEqual(
          candidates.slice(0, 4).map(({ path }) => path),
          ["/srv/app/.mcp.json", "/srv/.mcp.json", "/srv/app/.vscode/mcp.json", "/srv/app/.cursor/mcp.json"]
        )
      )
    )
  )
})
