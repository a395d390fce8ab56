/** This machine and its person: the system, the data folder, and the folders that may be worked in. */
export { CurrentOperatingSystem, unsupported, type OperatingSystem } from "./machine/OperatingSystem.ts"
export { DataFolderUnwritable } from "./machine/StateDirectory.ts"
export * as StateDirectory from "./machine/StateDirectory.ts"
export { FolderRefused } from "./machine/WorkingFolder.ts"
export { WorkingFolders } from "./machine/WorkingFolders.ts"
