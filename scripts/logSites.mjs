// Every line that lms-bridge logs, read from the sources: for docs/operations.md.
import { readdirSync, readFileSync } from "node:fs"
import { inRoot, packages } from "./workspace.mjs"

const levels = ["Fatal", "Error", "Warning", "Info", "Debug"]

/** `{ level, message, where }` of each, the most important first. */
export const logSites = () => {
  const found = []
  const files = packages.flatMap((name) =>
    readdirSync(inRoot("packages", name, "src"), { recursive: true })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `packages/${name}/src/${file}`)
  )
  for (const file of files) {
    const text = readFileSync(inRoot(file), "utf8")
    for (const [, level, message] of text.matchAll(/Effect\.log(Fatal|Error|Warning|Info|Debug)\(\s*["`]([^"`]+)["`]/g))
      found.push({ level, message, where: file })
    if (!file.endsWith("/LogLines.ts")) continue
    for (const [, level, message] of text.matchAll(/\b(info|debug)\("([^"]+)"/g))
      found.push({ level: level === "info" ? "Info" : "Debug", message, where: file })
  }
  return found.toSorted((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level) || (a.message < b.message ? -1 : 1))
}
