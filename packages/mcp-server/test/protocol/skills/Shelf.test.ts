import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Skills } from "@lms-bridge/core/Machine"
import { Settings } from "@lms-bridge/core/Settings"
import { ConfigProvider, Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import * as Yaml from "yaml"
import * as Shelf from "#src/protocol/skills/Shelf.ts"

const bytes = new Uint8Array([0xff, 0xfe, 0x00, 0x80])

const withSkills = Effect.fnUntraced(
  function* <A, E>(use: Effect.Effect<A, E, Settings>, wanted: "all" | ReadonlyArray<string> = "all") {
    const fs = yield* FileSystem.FileSystem
    const home = yield* fs.makeTempDirectoryScoped()
    const folder = `${home}/.claude/skills`
    yield* fs.makeDirectory(`${folder}/release/references`, { recursive: true })
    yield* fs.makeDirectory(`${folder}/broken`)
    yield* fs.writeFileString(
      `${folder}/release/SKILL.md`,
      "\uFEFF---\nname: release\ndescription: Makes it.\nmetadata:\n  a: 1\n---\nText.\n"
    )
    yield* fs.writeFileString(`${folder}/release/references/a b.md`, "More.")
    yield* fs.writeFile(`${folder}/release/picture.png`, bytes)
    yield* fs.writeFileString(`${folder}/broken/SKILL.md`, "---\nname: other\ndescription: x\n---\n")
    return yield* Effect.provide(
      use,
      Layer.mergeAll(
        Settings.layerWith({ skills: wanted }),
        Skills.layer.pipe(
          Layer.provide(NodeContext.layer),
          Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HOME", home]]))))
        )
      )
    )
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

const digestOf = (content: string | Uint8Array) => `sha256:${createHash("sha256").update(content).digest("hex")}`

describe("the skills that are served", () => {
  it.effect("are our own alone, unless the settings name those of the user", () =>
    withSkills(
      Effect.gen(function* () {
        const [own, ...others] = yield* Shelf.list
        assert.deepStrictEqual(others, [])
        assert.strictEqual(own?.uri, "skill://lms-bridge-delegate/SKILL.md")
        const part = yield* Shelf.read(String(own?.uri))
        // what the entry says is what the file has
        assert.strictEqual(own?.resources[0]?.digest, digestOf(String(part?.text)))
        assert.strictEqual(own?.resources[0]?.size, Buffer.byteLength(String(part?.text)))
        const [, head] = /^---\n([^]*?)\n---\n/.exec(String(part?.text)) ?? []
        assert.deepStrictEqual(Yaml.parse(String(head)), own?.frontmatter)
        assert.isUndefined(yield* Shelf.get("skill://release/SKILL.md"))
        assert.isUndefined(yield* Shelf.read("skill://release/SKILL.md"))
      }),
      []
    )
  )

  it.effect("have all of their files, each with its digest; broken ones are not served", () =>
    withSkills(
      Effect.gen(function* () {
        const entries = yield* Shelf.list
        assert.deepStrictEqual(
          entries.map(({ uri }) => uri),
          [Shelf.ownUri, "skill://release/SKILL.md"]
        )
        const release = yield* Shelf.get("skill://release/SKILL.md")
        assert.deepStrictEqual(release, entries[1])
        assert.deepStrictEqual(release?.frontmatter, { name: "release", description: "Makes it.", metadata: { a: 1 } })
        assert.deepStrictEqual(
          release?.resources.map(({ uri }) => uri),
          ["skill://release/SKILL.md", "skill://release/picture.png", "skill://release/references/a%20b.md"]
        )
        for (const { digest, size, uri } of release?.resources ?? []) {
          const part = yield* Shelf.read(uri)
          const content = part?.blob === undefined ? Buffer.from(String(part?.text)) : Buffer.from(part.blob, "base64")
          assert.strictEqual(digestOf(content), digest)
          assert.strictEqual(content.length, size)
        }
        assert.deepInclude(yield* Shelf.read("skill://release/picture.png"), { mimeType: "image/png" })
      })
    )
  )

  it.effect("are read by their URIs alone, and show their folders", () =>
    withSkills(
      Effect.gen(function* () {
        for (const uri of [
          "skill://release/../../../etc/passwd",
          "skill://release/%2e%2e/%2e%2e/x",
          "skill://release//SKILL.md",
          "skill://release/references/a b.md",
          "skill://release/references",
          "skill://release",
          "skill://nothing/SKILL.md",
          "skill://%zz/SKILL.md",
          "skill://"
        ]) {
          assert.isUndefined(yield* Shelf.read(uri), uri)
          assert.isUndefined(yield* Shelf.get(uri), uri)
        }
        assert.deepStrictEqual(yield* Shelf.directory("skill://release"), [
          { uri: "skill://release/SKILL.md", name: "SKILL.md", mimeType: "text/markdown" },
          { uri: "skill://release/picture.png", name: "picture.png", mimeType: "image/png" },
          { uri: "skill://release/references", name: "references", mimeType: "inode/directory" }
        ])
        assert.lengthOf((yield* Shelf.directory("skill://release/references")) ?? [], 1)
        for (const uri of ["skill://release/", "skill://release/SKILL.md", "skill://none", "lms-bridge://runs"]) {
          assert.isUndefined(yield* Shelf.directory(uri), uri)
        }
      })
    )
  )
})
