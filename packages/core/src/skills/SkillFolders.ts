/** Where skills lie: the folders in which the clients look for them. Pure. */
import type * as Path from "@effect/platform/Path"
import type { Skill } from "./Skill.ts"

export interface SkillFolder {
  readonly path: string
  readonly origin: Skill["origin"]
}

export interface Machine {
  readonly home: string | undefined
  readonly cwd: string
  /** `CLAUDE_CONFIG_DIR`. */
  readonly claudeHome: string | undefined
  /** `XDG_CONFIG_HOME`. */
  readonly configHome: string | undefined
}

/** Those of the user before those of the project: what came with a folder never takes the place of what is the user's. */
export const folders = (
  path: Path.Path,
  { claudeHome, configHome, cwd, home }: Machine
): ReadonlyArray<SkillFolder> => {
  const at = (folder: string | undefined, ...parts: ReadonlyArray<string>) =>
    folder === undefined ? [] : [path.join(folder, ...parts)]
  const ofUser = [
    ...(claudeHome === undefined ? at(home, ".claude", "skills") : at(claudeHome, "skills")),
    ...at(home, ".agents", "skills"),
    ...(configHome === undefined ? at(home, ".config", "opencode", "skills") : at(configHome, "opencode", "skills")),
    ...[".cursor", ".copilot", ".gemini", ".codex"].flatMap((client) => at(home, client, "skills"))
  ]
  const ofProject = [".claude", ".agents", ".github", ".cursor", ".gemini", ".opencode"].flatMap((client) =>
    at(cwd, client, "skills")
  )
  // in the home folder, project and user have the same ones
  return [
    ...ofUser.map((path): SkillFolder => ({ path, origin: "user" })),
    ...ofProject.filter((folder) => !ofUser.includes(folder)).map((path): SkillFolder => ({ path, origin: "project" }))
  ]
}
