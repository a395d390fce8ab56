import * as NodeContext from "@effect/platform-node/NodeContext"
import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ClientRules } from "@lms-bridge/core/McpConfig"
import { Effect } from "effect"
import { inHome } from "./inHome.ts"

const scoped = Effect.provide(NodeContext.layer)

const files: Readonly<Record<string, ReadonlyArray<string>>> = {
  "claude-code": [".claude/skills/lms-bridge-delegate/SKILL.md", ".claude/agents/lms-bridge-delegate.md"],
  cursor: [".cursor/skills/lms-bridge-delegate/SKILL.md", ".cursor/agents/lms-bridge-delegate.md"],
  vscode: [".copilot/skills/lms-bridge-delegate/SKILL.md", ".copilot/agents/lms-bridge-delegate.agent.md"],
  copilot: [".copilot/skills/lms-bridge-delegate/SKILL.md", ".copilot/agents/lms-bridge-delegate.agent.md"],
  codex: [".agents/skills/lms-bridge-delegate/SKILL.md", ".codex/agents/lms-bridge-delegate.toml"],
  opencode: [".config/opencode/skills/lms-bridge-delegate/SKILL.md", ".config/opencode/agents/lms-bridge-delegate.md"],
  gemini: [".gemini/skills/lms-bridge-delegate/SKILL.md", ".gemini/agents/lms-bridge-delegate.md"],
  zed: [".agents/skills/lms-bridge-delegate/SKILL.md"],
  goose: [".agents/skills/lms-bridge-delegate/SKILL.md"],
  windsurf: [".codeium/windsurf/skills/lms-bridge-delegate/SKILL.md"],
  cline: [".cline/skills/lms-bridge-delegate/SKILL.md"],
  junie: [".junie/skills/lms-bridge-delegate/SKILL.md"],
  "claude-desktop": [],
  lmstudio: []
}

const [skill = "", agent = ""] = files["claude-code"] ?? []

describe("install --delegate", () => {
  for (const client of ClientRules.Client.literals) {
    it.scoped(`${client}: writes what this client reads, once, and uninstall takes it away`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { at, read, run } = yield* inHome()
        const { code, out } = yield* run("install", client, "--delegate")
        assert.strictEqual(code, 0)
        const own = files[client] ?? []
        for (const file of own) {
          const text = yield* read(file)
          assert.include(text, 'the MCP server \\"lms-bridge\\"')
          assert.include(text, "written by lms-bridge install --delegate")
          assert.include(out, at(file))
        }
        if (own.length === 0) assert.include(out, "reads no skills or subagents from files")
        const again = yield* run("install", client, "--delegate")
        for (const file of own) assert.include(again.out, `is already there: ${at(file)}`)
        const gone = yield* run("uninstall", client)
        assert.strictEqual(gone.code, 0)
        for (const file of own) assert.isFalse(yield* fs.exists(at(file)), file)
      }).pipe(scoped)
    )
  }

  it.scoped("shows everything and writes nothing with --dry-run, and in a project its own folder is used", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { at, run } = yield* inHome()
      const { out } = yield* run("install", "claude-code", "--delegate", "--dry-run")
      assert.include(out, "+name: lms-bridge-delegate")
      assert.include(out, "+tools: Read, Grep, Glob, mcp__lms-bridge__autonomous_filesystem_full")
      assert.isFalse(yield* fs.exists(at(".claude")))
      const project = yield* run("install", "codex", "--delegate", "--dry-run", "--scope", "project")
      assert.match(project.out, /^\/.*\/\.agents\/skills\/lms-bridge-delegate\/SKILL\.md$/m)
      assert.notInclude(project.out, at(".agents"))
      const named = yield* run("install", "claude-code", "--delegate", "--dry-run", "--name", "Local_1")
      assert.include(named.out, at(".claude/skills/local-1-delegate/SKILL.md"))
      assert.include(named.out, "mcp__Local_1__run_start")
    }).pipe(scoped)
  )

  it.scoped("does not write over a file of somebody else, nor over a changed one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { at, files: inFolder, read, run } = yield* inHome({ [agent]: "mine\n" })
      const { code, err } = yield* run("install", "claude-code", "--delegate")
      assert.strictEqual(code, 2)
      assert.include(err, `${at(agent)} is not as lms-bridge writes it, so nothing was changed.`)
      assert.isFalse(yield* fs.exists(at(".claude.json")))
      assert.isFalse(yield* fs.exists(at(skill)))
      const forced = yield* run("install", "claude-code", "--delegate", "--force")
      assert.strictEqual(forced.code, 0)
      const copy = (yield* inFolder(".claude/agents")).find((name) => name.endsWith(".bak"))
      assert.strictEqual(yield* read(`.claude/agents/${copy}`), "mine\n")

      yield* fs.writeFileString(at(skill), `${yield* read(skill)}\nMy own rule.\n`)
      const gone = yield* run("uninstall", "claude-code")
      assert.include(gone.out, `The skill ${at(skill)} was changed, and stays.`)
      assert.include(gone.out, `Removed the subagent ${at(agent)}`)
      assert.include(yield* read(skill), "My own rule.")
    }).pipe(scoped)
  )

  it.scoped("a file that two clients read stays while one of them has the entry", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { at, run } = yield* inHome()
      const shared = at(".agents/skills/lms-bridge-delegate/SKILL.md")
      yield* run("install", "codex", "--delegate")
      yield* run("install", "zed", "--delegate")
      const first = yield* run("uninstall", "zed")
      assert.include(first.out, `The skill ${shared} stays: Codex uses it, too.`)
      const preview = yield* run("uninstall", "codex", "--dry-run")
      assert.include(preview.out, `The skill ${shared} would be removed.`)
      yield* run("uninstall", "codex")
      assert.isFalse(yield* fs.exists(shared))
    }).pipe(scoped)
  )
})
