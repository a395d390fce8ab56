/** Every setting, in one table: variables of the environment, and the files beneath them. */
export {
  address,
  baseUrl,
  defaults,
  origins,
  Settings,
  SettingsInvalid,
  table,
  type Origin,
  type Setting,
  type Values
} from "./configuration/Settings.ts"
export { meant, SettingsFiles, type SettingsFile } from "./configuration/SettingsFile.ts"
export * as DurationText from "./configuration/DurationText.ts"
export * as SettingsText from "./configuration/SettingsText.ts"
