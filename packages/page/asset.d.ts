/** What the build makes of `src/client`: the page, and the sources that its policy allows. */
export declare const html: string
export declare const scriptHash: string
export declare const styleHash: string
