// `node scripts/publish/release.mjs [--publish]`: packs every package and publishes it, those that others need first; without
// --publish, npm does all but the upload. Build first. TAG is the tag of the release, REPOSITORY the address that provenance names.
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fail, inRoot, run } from "../workspace.mjs"
import { pack } from "./pack.mjs"

const publishing = process.argv.includes("--publish")
const { TAG: tag, REPOSITORY: repository } = process.env
const { version } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"))

if (tag !== undefined && tag !== `v${version}`) fail(`release: the tag is ${tag}, but the version is ${version}`)
if (publishing && (tag === undefined || repository === undefined)) fail("release: TAG and REPOSITORY must be set")
const changes = readFileSync(inRoot("packages", "cli", "CHANGELOG.md"), "utf8")
if (!changes.includes(`\n## ${version}\n`)) fail(`release: packages/cli/CHANGELOG.md says nothing of ${version}`)

const folder = mkdtempSync(join(tmpdir(), "lms-bridge-release-"))
// a version such as 1.0.0-beta.1 must not become what people get
const channel = version.includes("-") ? "next" : "latest"
const how = ["--access", "public", "--tag", channel, ...(publishing ? ["--provenance"] : ["--dry-run"])]

/** A release that was stopped halfway can be run again. */
const isThere = async (name) => {
  const { code, stdout } = await run("npm", ["view", `${name}@${version}`, "version"], { cwd: folder })
  return code === 0 && stdout.trim() === version
}

try {
  for (const { files, tarball } of await pack(folder)) {
    const { code, stdout, stderr } = await run("tar", ["xOzf", tarball, "package/package.json"])
    if (code !== 0) throw new Error(stderr)
    const { name } = JSON.parse(stdout)
    const missing = ["README.md", "LICENSE", "CHANGELOG.md"].filter((file) => !files.includes(file))
    if (missing.length > 0) throw new Error(`${name} has no ${missing.join(", ")}`)
    if (publishing && (await isThere(name))) {
      console.log(`${name} ${version} is published already`)
      continue
    }
    const published = await run("npm", ["publish", tarball, ...how], { cwd: folder })
    if (published.code !== 0) throw new Error(`${name} could not be published\n${published.stderr}`)
    console.log(`${name} ${version} ${publishing ? "is published" : "could be published"}, ${files.length} files`)
  }
} catch (error) {
  rmSync(folder, { recursive: true, force: true })
  fail(`release: ${error.message}`)
}
rmSync(folder, { recursive: true, force: true })
