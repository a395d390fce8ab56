import { assert, describe, it } from "@effect/vitest"
import * as ConfigText from "#src/mcp/dialects/ConfigText.ts"
import { Effect, Either, Redacted } from "effect"
import { config, names, server, withFiles } from "../withFiles.ts"

describe("McpConfigFiles, with realistic files", () => {
  it.effect("skips files without servers, so that LM Studio's empty one does not hide others", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* names(configuration), { path: "/home/me/project/.mcp.json", servers: ["mine"] })
          const fate = Effect.map(configuration.candidates, (all) =>
            all.flatMap(({ exists, path, used }) => (exists ? [[path, used]] : []))
          )
          assert.deepStrictEqual(yield* fate, [
            ["/home/me/.lmstudio/mcp.json", false],
            ["/home/me/project/.mcp.json", true]
          ])
          // a file that LM Studio has just created
          files.write("/home/me/.lmstudio/mcp.json", "")
          assert.deepStrictEqual((yield* names(configuration)).servers, ["mine"])
          files.write("/home/me/.lmstudio/mcp.json", config("studio"))
          assert.deepStrictEqual((yield* names(configuration)).servers, ["studio"])
          files.write("/home/me/.lmstudio/mcp.json", { mcpServers: {} })
          files.remove("/home/me/project/.mcp.json")
          assert.deepStrictEqual(yield* names(configuration), { path: "/home/me/.lmstudio/mcp.json", servers: [] })
        }),
      {
        prepare: (files) => {
          files.write("/home/me/.lmstudio/mcp.json", { mcpServers: {} })
          files.write("/home/me/project/.mcp.json", config("mine"))
        }
      }
    )
  )

  it.effect(
    "finds Claude Code's servers for this folder and the user, and Codex's and Goose's if there are no others",
    () =>
      withFiles(
        (files, configuration) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* names(configuration), {
              path: "/home/me/.claude.json",
              servers: ["everywhere", "both", "here"]
            })
            const { servers, shadowed } = yield* configuration.current
            assert.include(servers.get("both")?.shown.target, "of-the-folder")
            assert.strictEqual(shadowed.get("both")?.length, 1)
            files.remove("/home/me/.claude.json")
            const codex = yield* configuration.current
            assert.deepStrictEqual([...codex.servers.keys()], ["docs"])
            assert.strictEqual(codex.servers.get("docs")?.line, 3)
            files.remove("/home/me/.codex/config.toml")
            const goose = yield* configuration.current
            assert.deepStrictEqual([...goose.servers.keys()], ["wiki"])
            assert.strictEqual(goose.servers.get("wiki")?.line, 4)
          }),
        {
          prepare: (files) => {
            files.write("/home/me/.claude.json", {
              numStartups: 12,
              mcpServers: { everywhere: server("a"), both: server("of-the-user") },
              projects: {
                "/home/me/project": { mcpServers: { both: server("of-the-folder"), here: server("b") } },
                "/home/me/other": { mcpServers: { there: server("c") } }
              }
            })
            files.write(
              "/home/me/.codex/config.toml",
              'model = "x"\n\n[mcp_servers.docs]\ncommand = "npx"\nargs = ["-y", "docs"]\ndisabled_tools = ["wipe"]\n'
            )
            files.write(
              "/home/me/.config/goose/config.yaml",
              "GOOSE_MODEL: x\nextensions:\n  developer: { type: builtin, name: developer, enabled: true }\n  wiki:\n    type: stdio\n    cmd: uvx\n    args: [wiki]\n    envs: { A: b }\n    timeout: 300\n"
            )
          }
        }
      )
  )

  it.effect(
    "marks servers that came with the folder for another program, but not its .mcp.json or the user's own",
    () =>
      withFiles(
        (files, configuration) =>
          Effect.gen(function* () {
            const marked = Effect.map(configuration.current, ({ servers }) =>
              [...servers.values()].flatMap(({ name, onlyByName = false }) => (onlyByName ? [name] : []))
            )
            for (const path of [
              ".vscode/mcp.json",
              ".gemini/settings.json",
              "opencode.json",
              ".vscode/settings.json"
            ]) {
              files.write(`/home/me/project/${path}`, config("cloned"))
              assert.deepStrictEqual(yield* marked, ["cloned"], path)
              files.remove(`/home/me/project/${path}`)
            }
            for (const path of [
              "project/.mcp.json",
              ".lmstudio/mcp.json",
              ".gemini/settings.json",
              ".cursor/mcp.json"
            ]) {
              files.write(`/home/me/${path}`, config("mine"))
              assert.deepStrictEqual(yield* marked, [], path)
              assert.strictEqual((yield* configuration.current).servers.size, 1, path)
              files.remove(`/home/me/${path}`)
            }
          }),
        { prepare: () => {} }
      )
  )

  it.effect("names the other folders for which Claude Code has servers when it has none for this one", () =>
    withFiles(
      (_, configuration) =>
        Effect.gen(function* () {
          const [used] = (yield* configuration.candidates).filter((candidate) => candidate.used)
          assert.include(used?.problem, 'servers only for other folders, under "projects": there (/home/me/other)')
        }),
      {
        override: "~/.claude.json",
        prepare: (files) =>
          files.write("/home/me/.claude.json", {
            mcpServers: {},
            projects: { "/home/me/other": { mcpServers: { there: server("c") } } }
          })
      }
    )
  )

  it.effect("reads UTF-16 as PowerShell writes it, and reports lines with the same name", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          assert.deepStrictEqual((yield* names(configuration)).servers, ["grün"])
          files.write(
            "/home/me/.mcp.json",
            '{ "mcpServers": {\n"wiki": { "command": "old" },\n"notes": { "command": "n" },\n"wiki": { "command": "new" } } }'
          )
          const { problems, servers, shadowed } = yield* configuration.current
          assert.strictEqual(servers.get("wiki")?.shown.target, "new")
          assert.deepStrictEqual(
            shadowed.get("wiki")?.map(({ line }) => line),
            [2]
          )
          assert.deepStrictEqual(problems, [
            '/home/me/.mcp.json: "wiki" occurs twice, in lines 2 and 4. The last one is used; remove the others.'
          ])
        }),
      {
        prepare: (files) =>
          files.write(
            "/home/me/.mcp.json",
            ConfigText.encode(JSON.stringify(config("grün")), { encoding: "utf-16le", marked: true })
          )
      }
    )
  )

  it.effect(
    "gives a server the variables of its env file, prefers those of the entry, and detects changes of the file",
    () =>
      withFiles(
        (files, configuration) =>
          Effect.gen(function* () {
            const env = Effect.map(configuration.current, ({ servers }) =>
              Either.match(servers.get("notes")?.launch ?? assert.fail("no server"), {
                onLeft: ({ detail }) => detail,
                onRight: (launch) =>
                  launch._tag === "Stdio"
                    ? Object.fromEntries(
                        Object.entries(launch.env).map(([name, value]) => [name, Redacted.value(value)])
                      )
                    : "remote"
              })
            )
            assert.deepStrictEqual(yield* env, { KEY: "from the file", MODE: "of the entry" })
            files.write("/home/me/project/.env", "KEY='changed'\n")
            assert.deepStrictEqual(yield* env, { KEY: "changed", MODE: "of the entry" })
            files.write("/home/me/project/.env", "KEY=a\nnonsense\n")
            assert.strictEqual(
              yield* env,
              'Its "envFile" /home/me/project/.env has an invalid line 2. Write it as NAME=value.'
            )
            files.remove("/home/me/project/.env")
            assert.include(yield* env, "/home/me/project/.env does not exist")
          }),
        {
          prepare: (files) => {
            files.write("/home/me/project/.env", '# secrets\nexport KEY="from the file"\nMODE=x # of no use\n')
            files.write("/home/me/project/.vscode/mcp.json", {
              servers: { notes: { command: "node", envFile: "${workspaceFolder}/.env", env: { MODE: "of the entry" } } }
            })
          }
        }
      )
  )
})
