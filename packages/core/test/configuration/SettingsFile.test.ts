import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either, Layer, Option } from "effect"
import { origins, Settings, table } from "#src/configuration/Settings.ts"
import * as SettingsFile from "#src/configuration/SettingsFile.ts"
import * as SettingsText from "#src/configuration/SettingsText.ts"

const file = (scope: "project" | "user", text: string): SettingsFile.SettingsFile => ({
  path: `/${scope}/config.json`,
  scope,
  text: Option.some(text)
})

const beneath = (files: ReadonlyArray<SettingsFile.SettingsFile>, variables: Record<string, string> = {}) =>
  Layer.merge(
    Layer.succeed(SettingsFile.SettingsFiles, files),
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  )

const read = (files: ReadonlyArray<SettingsFile.SettingsFile>, variables?: Record<string, string>) =>
  Effect.provide(Settings, Settings.layer.pipe(Layer.provide(beneath(files, variables))))

const problemsIn = (scope: "project" | "user", text: string) => SettingsText.contents(table, file(scope, text)).problems

describe("settings files", () => {
  it.effect("a variable overrides the project's file, and that the user's", () =>
    Effect.gen(function* () {
      const files = [
        file("project", '{ "maxRounds": 7, "retries": 1 }'),
        file("user", '{ "retries": 2, "maxRounds": 8, "defaultModel": "a/b", "toolsets": ["agent", "runs"] } // mine')
      ]
      const variables = { LMS_BRIDGE_MAX_ROUNDS: "9" }
      const settings = yield* read(files, variables)
      assert.deepInclude(settings, {
        maxRounds: 9,
        retries: 1,
        defaultModel: Option.some("a/b"),
        toolsets: ["agent", "runs"]
      })
      const found = yield* Effect.provide(origins, beneath(files, variables))
      assert.deepStrictEqual(
        found.flatMap(({ from, key, value }) => (Option.isSome(from) ? [[key, value, from.value]] : [])),
        [
          ["defaultModel", "a/b", "/user/config.json"],
          ["retries", "1", "/project/config.json"],
          ["maxRounds", "9", "LMS_BRIDGE_MAX_ROUNDS"],
          ["toolsets", "agent,runs", "/user/config.json"]
        ]
      )
    })
  )

  it.effect("all that is wrong is said at once, with file and key, without a secret", () =>
    Effect.gen(function* () {
      const text =
        '{ "$schema": "x", "maxRound": 1, "retries": "many", "autostart": 1, "apiToken": "a b", "ttl": "soon" }'
      const error = yield* Effect.flip(read([file("user", text)], { LMSTUDIO_PORT: "x" }))
      assert.deepStrictEqual(error.message.split("\n"), [
        'LMSTUDIO_PORT is "x", but must be a whole number from 1 to 65535.',
        '"maxRound" in /user/config.json is not a setting. Did you mean "maxRounds"?',
        '"retries" in /user/config.json is "many", but must be a whole number from 0 to 20.',
        '"autostart" in /user/config.json is 1, but must be `true` or `false`.',
        '"apiToken" in /user/config.json is <redacted>, but must be an API token: visible ASCII characters, without spaces.',
        '"ttl" in /user/config.json is "soon", but must be a duration of at least 1s: `90s`, `10m`, `1h`, or a number of seconds.'
      ])
    })
  )

  it("a project's file sets neither programs nor addresses nor tokens", () => {
    assert.include(problemsIn("project", '{ "lmsBinary": "/tmp/x" }').join(), "a project's file may come from somebody")
    for (const [key, { secret = false }] of Object.entries(table)) {
      if (secret) assert.isTrue(SettingsFile.isPersonal(key), key)
    }
  })

  it("a mistake in the JSON is named with its line; a variable's name leads to the key", () => {
    assert.include(problemsIn("user", '{\n  "retries": 1\n  "port": 2\n}').join(), "/user/config.json, line ")
    assert.include(problemsIn("user", '{ "LMSTUDIO_PORT": 1 }').join(), 'Did you mean "port"?')
  })

  it("the schema knows every setting, its values and nothing else", () => {
    const { additionalProperties, properties } = SettingsText.jsonSchema(table) as {
      additionalProperties: boolean
      properties: Record<string, Record<string, unknown>>
    }
    assert.isFalse(additionalProperties)
    assert.sameMembers(Object.keys(properties), ["$schema", ...Object.keys(table)])
    assert.deepInclude(properties["retries"], { type: "integer", minimum: 0, maximum: 20 })
    assert.deepInclude(properties["mcpSampling"], { enum: ["refuse", "ask", "allow"] })
  })

  it("a text means what the setting wants", () => {
    assert.strictEqual(SettingsText.valueOf(table.retries, "4"), 4)
    assert.strictEqual(SettingsText.valueOf(table.autostart, "true"), true)
    assert.strictEqual(SettingsText.valueOf(table.defaultModel, "4"), "4")
    assert.strictEqual(SettingsText.valueOf(table.ttl, "10m"), "10m")
  })
})

describe("changes of a settings file", () => {
  const own = '{ // mine\n  // few\n  "retries": 1, // one\n  "ttl": "10m" // long\n}\n'
  it.each([
    ["a value is replaced", own, ["retries", 5], own.replace("1,", "5,")],
    [
      "a new one is added, indented as the others",
      own,
      ["port", 1],
      own.replace("// mine\n", '// mine\n  "port": 1,\n')
    ],
    ["the first one of all", "{\n}\n", ["port", 1], '{\n  "port": 1\n}\n'],
    ["the first one of an empty object", "{}", ["port", 1], '{\n  "port": 1\n}'],
    ["one of an object on one line", '{ "ttl": 1 }', ["port", 1], '{\n  "port": 1,\n "ttl": 1 }'],
    ["a member goes, comments stay", own, ["retries"], own.replace('"retries": 1,', "")],
    [
      "the last one goes, with the comma before it",
      own,
      ["ttl"],
      own.replace("1, //", "1 //").replace('"ttl": "10m"', "")
    ],
    ["a line of its own goes", '{\n  "port": 1,\n  "ttl": 1\n}', ["port"], '{\n  "ttl": 1\n}'],
    ["the only one goes", '{\n  "port": 1\n}', ["port"], "{\n}"],
    ["what is not there stays away", own, ["port"], own]
  ] as const)("%s", (_, before, [key, value], after) => {
    const edited =
      value === undefined ? SettingsText.withoutValue(before, key) : SettingsText.withValue(before, key, value)
    assert.deepStrictEqual(edited, Either.right(after))
  })
})
