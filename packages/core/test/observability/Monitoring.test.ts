import * as Metrics from "#src/observability/Metrics.ts"
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const text = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../docs/operations/${name}`, import.meta.url)), "utf8")

/** Each metric as a query may name it: a histogram by its buckets, its sum and its count. */
const exposed = new Map<string, ReadonlyArray<string>>(
  Object.values(Metrics)
    .flatMap((metric) => (typeof metric === "object" && "name" in metric ? [metric] : []))
    .flatMap(({ labels, name, type }): ReadonlyArray<[string, ReadonlyArray<string>]> =>
      type === "histogram"
        ? [
            [`${name}_bucket`, [...labels, "le"]],
            [`${name}_sum`, labels],
            [`${name}_count`, labels]
          ]
        : [[name, labels]]
    )
)

const named = (queries: string) => [...queries.matchAll(/\blms_\w+/g)].map(([name]) => name)

const panels: ReadonlyArray<{ readonly targets: ReadonlyArray<{ readonly expr: string }> }> = JSON.parse(
  text("dashboard.json")
).panels
const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

describe("the alert rules and the dashboard", () => {
  it.each([
    ["alerts.yml", text("alerts.yml")],
    ["alerts.test.yml", text("alerts.test.yml")],
    ["dashboard.json", queries.join("\n")]
  ])("%s names only metrics that the code exposes", (_, content) => {
    const names = named(content)
    assert.isAbove(names.length, 3)
    assert.deepStrictEqual(
      names.filter((name) => !exposed.has(name)),
      []
    )
  })

  it("the dashboard groups by labels that its metrics have", () => {
    for (const query of queries) {
      const [by = ""] = [...query.matchAll(/by \(([^)]*)\)/g)].map(([, labels]) => labels)
      const known = named(query).flatMap((name) => exposed.get(name) ?? [])
      for (const label of by.split(", ").filter((label) => label !== "")) assert.include(known, label, query)
    }
  })

  it("each rule has a test in which it fires", () => {
    const rules = [...text("alerts.yml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    const tests = text("alerts.test.yml").split(/(?=- eval_time:)/)
    const fires = (name: string | undefined) =>
      tests.some((one) => one.includes(`alertname: ${name}\n`) && one.includes("exp_labels:"))
    assert.isAbove(rules.length, 5)
    assert.deepStrictEqual(
      rules.filter((name) => !fires(name)),
      []
    )
  })

  it("each rule points to a chapter that there is", () => {
    const chapters = [...text("../operations.md").matchAll(/^## (.*)$/gm)].map(
      ([, title = ""]) =>
        `docs/operations.md#${title
          .toLowerCase()
          .replaceAll(/[^\w ]/g, "")
          .replaceAll(" ", "-")}`
    )
    const runbooks = [...text("alerts.yml").matchAll(/runbook: (\S+)/g)].map(([, place]) => place)
    assert.isAbove(runbooks.length, 5)
    assert.deepStrictEqual(
      runbooks.filter((place = "") => !chapters.includes(place)),
      []
    )
  })
})
