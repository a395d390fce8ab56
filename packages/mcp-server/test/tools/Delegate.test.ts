import { Path } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { ClientRules, Delegate } from "@lms-bridge/core/McpConfig"
import { Effect } from "effect"
import { Run } from "#src/runs/RunReport.ts"
import { allTools } from "#src/tools/Tools.ts"

const machine = {
  platform: "linux",
  cwd: "/p",
  home: "/h",
  appData: undefined,
  configHome: undefined,
  claudeHome: undefined,
  codexHome: undefined
}

describe("the delegate of clients", () => {
  it.effect("names only tools, arguments and states that there are", () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const known = new Set([
        ...allTools.map(({ name }) => name),
        ...allTools.flatMap(({ inputSchema }) => Object.keys(inputSchema.properties ?? {})),
        ...Object.keys(Run.fields),
        ...Run.fields.status.literals
      ])
      for (const client of ClientRules.Client.literals) {
        for (const scope of ["user", "project"] as const) {
          for (const { path: file, text } of Delegate.files(path, machine, { client, scope, name: "lms-bridge" })) {
            const named = [...text.matchAll(/`([^`\n]+)`|mcp__lms-bridge__(\w+)/g)].map(
              ([, word, tool]) => word ?? tool
            )
            assert.isAbove(named.length, 10, file)
            for (const name of named) assert.isTrue(known.has(name ?? ""), `${file} names ${name}`)
          }
        }
      }
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
