// What the host of Enketo adds around a form: the frame of the page, and French for the engine's own words.

export const BODY = `
<div class="main"><article class="paper">
  <header class="form-header"><span class="form-language-selector hide"><span>Langue</span></span></header>
  <div id="host"></div>
  <section class="form-footer"><div class="main-controls">
    <a class="previous-page disabled" href="#">Retour</a>
    <a class="btn btn-primary next-page disabled" href="#">Suivant</a>
    <button class="btn btn-primary send" type="button">Envoyer</button>
  </div></section>
</article></div>`;

const FRENCH = {
    'constraint.invalid': 'Valeur non permise',
    'constraint.required': 'Ce champ est obligatoire',
    'hint.guidance.details': 'plus de détails',
    'form.required': 'obligatoire',
};

export function translateEngine(root) {
    for (const element of root.querySelectorAll('[data-i18n]')) {
        element.textContent = FRENCH[element.dataset.i18n] ?? element.textContent;
    }
}
