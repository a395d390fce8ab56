import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Json, start } from "../../conformance/stdioDriver.ts"

const meta: Json = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "driver", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {}
}

const uri = "skill://test-skill/SKILL.md"

describe("skills for clients", { timeout: 60_000 }, () => {
  for (const era of ["2025-11-25", "2026-07-28"]) {
    const modern = era === "2026-07-28"
    it.scopedLive(`are declared, listed, got and read in ${era}`, () =>
      Effect.gen(function* () {
        const driver = yield* start()
        const more = modern ? { _meta: meta } : {}
        const ask = (method: string, params: Json = {}) => driver.request(method, { ...params, ...more })
        const greeting = modern ? yield* ask("server/discover") : yield* driver.initialize({})
        const { extensions } = greeting["capabilities"] as { readonly extensions: Json }
        assert.deepStrictEqual(extensions["io.modelcontextprotocol/skills"], { directoryRead: true })

        const list = yield* ask("skills/list")
        assert.deepNestedInclude(list, { "skills[0].uri": uri, "skills[0].frontmatter.name": "test-skill" })
        const { skill } = yield* ask("skills/get", { uri })
        assert.deepStrictEqual(skill, (list["skills"] as ReadonlyArray<unknown>)[0])
        assert.deepNestedInclude(yield* ask("resources/read", { uri }), { "contents[0].text": "Test." })
        const folder = yield* ask("resources/directory/read", { uri: "skill://test-skill" })
        assert.deepNestedInclude(folder, { "resources[0].name": "SKILL.md" })
        for (const result of [list, folder]) assert.strictEqual(result["resultType"], modern ? "complete" : undefined)
        assert.strictEqual(list["cacheScope"], modern ? "private" : undefined)

        for (const [method, params, code] of [
          ["skills/get", { uri: "skill://none/SKILL.md" }, -32_602],
          ["skills/get", {}, -32_602],
          ["skills/list", { cursor: "x" }, -32_602],
          ["resources/directory/read", { uri }, -32_602],
          ["resources/read", { uri: "skill://none/SKILL.md" }, modern ? -32_602 : -32_002]
        ] as const) {
          assert.deepInclude(yield* Effect.flip(ask(method, params)), { code }, `${method} ${JSON.stringify(params)}`)
        }
        assert.deepStrictEqual(driver.garbage, [])
      })
    )
  }
})
