// A package.json as it is published: exact versions in place of `catalog:` and `workspace:`, which only pnpm understands.
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { inRoot } from "../workspace.mjs"

const { catalog } = parse(readFileSync(inRoot("pnpm-workspace.yaml"), "utf8"))
const { version } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"))

/** REPOSITORY is the address of the public repository; npm compares it with the one that provenance names. */
export const published = (
  { scripts: _scripts, devDependencies: _dev, ...manifest },
  repository = process.env.REPOSITORY
) => ({
  ...manifest,
  ...(manifest.dependencies === undefined ? {} : { dependencies: exact(manifest) }),
  ...(repository === undefined ? {} : { repository: { type: "git", url: repository } })
})

const exact = ({ dependencies, name }) =>
  Object.fromEntries(
    Object.entries(dependencies).map(([dependency, range]) => {
      const wanted = range === "catalog:" ? catalog[dependency] : range === "workspace:*" ? version : undefined
      if (wanted === undefined) throw new Error(`${name}: "${dependency}" is "${range}", not catalog: or workspace:*`)
      return [dependency, wanted]
    })
  )
