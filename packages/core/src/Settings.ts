/** Every variable of the environment, in one table. */
export {
  address,
  baseUrl,
  defaults,
  Settings,
  SettingsInvalid,
  table,
  type Setting,
  type Values
} from "./configuration/Settings.ts"
