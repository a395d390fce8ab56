// `npm run pack [FOLDER]`: packs every package as it is published, in the order in which they need each other. Build first.
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { exists, fail, inRoot, packages, run } from "../workspace.mjs"

/** Returns each package's folder, manifest and tarball. */
export const pack = async (into) => {
  if (!exists("packages/cli/dist/lms-bridge-mcp.js")) throw new Error("Nothing is built. Run: npm run build")
  rmSync(into, { recursive: true, force: true })
  mkdirSync(into, { recursive: true })
  const packed = []
  for (const folder of order()) {
    const { code, stdout, stderr } = await run("npm", ["pack", "--json", "--pack-destination", into], {
      cwd: inRoot("packages", folder)
    })
    if (code !== 0) throw new Error(`${folder} could not be packed\n${stderr}`)
    const report = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
    const { filename, files, size, unpackedSize } = Array.isArray(report) ? report[0] : Object.values(report)[0]
    packed.push({ folder, tarball: join(into, filename), files: files.map(({ path }) => path), size, unpackedSize })
  }
  return packed
}

/** Those that others need come first, so that a published package can be installed at once. */
const order = () => {
  const needs = new Map(packages.map((folder) => [folder, ours(folder)]))
  const sorted = []
  while (sorted.length < packages.length) {
    const next = packages
      .filter((folder) => !sorted.includes(folder))
      .find((folder) => needs.get(folder).every((need) => sorted.includes(need)))
    if (next === undefined) throw new Error("the packages need each other in a circle")
    sorted.push(next)
  }
  return sorted
}

const ours = (folder) => {
  const { dependencies = {} } = JSON.parse(readFileSync(inRoot("packages", folder, "package.json"), "utf8"))
  return Object.keys(dependencies).flatMap((name) => (name.startsWith("@lms-bridge/") ? [name.slice(12)] : []))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const into = resolve(process.argv[2] ?? inRoot(".cache", "packed"))
  const packed = await pack(into).catch((error) => fail(error.message))
  for (const { files, size, tarball, unpackedSize } of packed)
    console.log(
      `${tarball}  ${Math.round(size / 1000)} kB, ${Math.round(unpackedSize / 1000)} kB unpacked, ${files.length} files`
    )
}
