// Runs in a package's folder before npm or pnpm packs it: package.json becomes what is published. With --restore, after
// packing, it becomes what it was.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { published } from "./manifest.mjs"

const kept = "node_modules/.package.json"

if (!process.argv.includes("--restore")) {
  // it is still there if packing was killed
  const before = readFileSync(existsSync(kept) ? kept : "package.json", "utf8")
  writeFileSync(kept, before)
  writeFileSync("package.json", `${JSON.stringify(published(JSON.parse(before)), null, 2)}\n`)
} else if (existsSync(kept)) renameSync(kept, "package.json")
