/** What vision models are shown, and from where it may come. */
export { Images, type Image } from "./images/Images.ts"
export { ImageRefused } from "./images/ImageRefused.ts"
export { isPublic, PublicWeb } from "./images/PublicWeb.ts"
