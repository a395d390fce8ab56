import { FileSystem, Path } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { SettingsFiles } from "@lms-bridge/core/Settings"
import { Effect } from "effect"
import { cli } from "../OverDoubles.ts"

/** A person's folder and a project's, in which each command reads the files anew, as a process does. */
const machine = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped()
  const paths = { project: path.join(folder, "project.json"), user: path.join(folder, "own", "config.json") }
  const files = Effect.forEach(["project", "user"] as const, (scope) =>
    Effect.map(Effect.option(fs.readFileString(paths[scope])), (text) => ({ path: paths[scope], scope, text }))
  )
  const run = (line: string) =>
    Effect.flatMap(files, (files) => Effect.provideService(cli(line.split(" ")), SettingsFiles, files))
  return { paths, run, text: (scope: "project" | "user") => fs.readFileString(paths[scope]), fs }
})

const onMachine = <E, R>(use: (its: Machine) => Effect.Effect<void, E, R>) =>
  Effect.scoped(Effect.flatMap(machine, use)).pipe(Effect.provide(NodeContext.layer))

type Machine = Effect.Effect.Success<typeof machine>

describe("config", () => {
  it.effect("sets, gets and removes a value, as JSON that fits the setting", () =>
    onMachine(({ fs, paths, run, text }) =>
      Effect.gen(function* () {
        assert.include((yield* run("config path")).out, `${paths.user}  (not there)`)
        const set = yield* run("config set maxRounds 80")
        assert.deepStrictEqual([set.code, set.out], [0, `maxRounds is set in ${paths.user}.`])
        yield* run("config set defaultModel 7b")
        assert.deepStrictEqual(JSON.parse(yield* text("user")), { defaultModel: "7b", maxRounds: 80 })
        // tokens may stand in it
        assert.strictEqual((yield* fs.stat(paths.user)).mode & 0o777, 0o600)
        assert.strictEqual((yield* run("config get maxRounds")).out, "80")
        assert.match((yield* run("config ls")).out, /maxRounds +80 +.*own\/config\.json/)
        const unset = yield* run("config unset maxRounds")
        assert.strictEqual(unset.out, `maxRounds is removed from ${paths.user}.`)
        assert.strictEqual((yield* run("config get maxRounds")).out, "50")
        assert.include((yield* run("config unset maxRounds")).out, "nothing was changed")
      })
    )
  )

  it.effect("writes nothing that a start would refuse, and says what is allowed", () =>
    onMachine(({ fs, paths, run }) =>
      Effect.gen(function* () {
        for (const [line, said] of [
          ["config set maxRounds many", "must be a whole number from 1 to 10000"],
          ["config set maxRound 5", 'Did you mean "maxRounds"?'],
          ["config set LMS_BRIDGE_MAX_ROUNDS 5", 'Did you mean "maxRounds"?'],
          ["config set apiToken secret --scope project", "a project's file may come from somebody else"],
          ["config get nope", "`lms-bridge config ls` lists them"]
        ] as const) {
          const { code, err, out } = yield* run(line)
          assert.deepStrictEqual([code, out], [2, ""], line)
          assert.include(err, said)
          assert.notInclude(err, "secret")
        }
        assert.deepStrictEqual(yield* Effect.forEach(Object.values(paths), fs.exists), [false, false])
      })
    )
  )

  it.effect("never shows a token", () =>
    onMachine(({ run }) =>
      Effect.gen(function* () {
        yield* run("config set apiToken sk-hidden")
        for (const line of ["config ls", "config ls --json", "config get apiToken"]) {
          const { err, out } = yield* run(line)
          assert.notInclude(out + err, "sk-hidden", line)
        }
      })
    )
  )

  it.effect("leaves a file alone that is no JSON, and names the line", () =>
    onMachine(({ fs, paths, run, text }) =>
      Effect.gen(function* () {
        yield* fs.writeFileString(paths.project, '{\n  "retries": \n}')
        const { code, err } = yield* run("config set retries 2 --scope project")
        assert.strictEqual(code, 2)
        assert.match(err, /project\.json, line \d: .* Correct it first\./)
        assert.include(yield* text("project"), '"retries": \n')
      })
    )
  )

  it.effect("prints the schema that an editor reads", () =>
    onMachine(({ run }) =>
      Effect.gen(function* () {
        const { out } = yield* run("config schema")
        assert.deepInclude(JSON.parse(out), { title: "Settings of lms-bridge", additionalProperties: false })
      })
    )
  )
})
