// Builds, once after `npm ci`, what the tests need of Enketo: one page and a browser to open it in.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import * as sass from 'sass';

const here = path.dirname(fileURLToPath(import.meta.url));
const built = path.join(here, 'built');
const modules = path.join(here, 'node_modules');
fs.rmSync(built, { recursive: true, force: true });
fs.mkdirSync(built);

await esbuild.build({
    entryPoints: [path.join(here, 'entry.js')],
    outfile: path.join(built, 'page.js'),
    bundle: true,
    format: 'iife',
    platform: 'browser',
    external: ['libxslt'], // the transformer's engine in Node; in the page the browser's own XSLT does it
    loader: { '.png': 'dataurl', '.svg': 'dataurl', '.gif': 'dataurl' },
    define: { global: 'window' },
    logLevel: 'error',
});

// The theme imports its neighbours by the path they have in Enketo's own repository.
const importer = {
    findFileUrl(url) {
        const found = url.match(/node_modules\/(.*)$/);
        return found ? pathToFileURL(path.join(modules, found[1])) : null;
    },
};
const theme = sass.compile(path.join(modules, 'enketo-core/src/sass/formhub/formhub.scss'), {
    importers: [importer],
    quietDeps: true,
    logger: sass.Logger.silent,
});
const face = (weight, file) =>
    `@font-face { font-family: OpenSans; font-weight: ${weight}; src: url("fonts/fonts/Open_Sans/${file}.ttf"); }\n`;
const fonts = face(400, 'OpenSans-Regular') + face(700, 'OpenSans-Bold');
fs.writeFileSync(path.join(built, 'page.css'), fonts + theme.css + fs.readFileSync(path.join(here, 'page.css'), 'utf8'));
fs.copyFileSync(path.join(here, 'page.html'), path.join(built, 'page.html'));

// The browser is unpacked here, not in the shared temporary folder where two test processes would race for it.
process.env.TMPDIR = built;
const { inflate } = await import('@sparticuz/chromium');
for (const archive of ['chromium.br', 'fonts.tar.br', 'al2023.tar.br']) {
    await inflate(path.join(modules, '@sparticuz/chromium/bin', archive));
}
// A machine without fonts still shows letters; the cache stays in the folder (XDG_CACHE_HOME is `built` in the driver).
const folders = [path.join('fonts', 'fonts'), '/usr/share/fonts'].map((f) => `<dir>${path.resolve(built, f)}</dir>`);
fs.writeFileSync(
    path.join(built, 'fonts', 'fonts.conf'),
    `<?xml version="1.0"?><fontconfig>${folders.join('')}<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>\n`
);
