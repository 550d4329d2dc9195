// One tile line of the roof a step, from the ridge down to the eaves.
const tileLines = Array.from({ length: 11 }, (_, index) => {
  const top = 212 + index * 13.6;
  const bottom = 106 + index * 34.8;
  const eaves = 233 - 5 * Math.sin((Math.PI * index) / 10);
  return `M${top} 164Q${(top * 2 + bottom) / 3} 204 ${bottom} ${eaves}`;
}).join("");

const rafters = Array.from({ length: 15 }, (_, index) => 147 + index * 19);

// The yard itself: a tiled roof, a lattice door with a light behind it, a persimmon tree, the sun by
// day and the moon by night (the colours are the theme's). What matters stands at the right, so
// that words have room at the left of a wide window.
export function Yard() {
  return (
    <svg
      className="yard"
      viewBox="0 0 860 480"
      preserveAspectRatio="xMaxYMax slice"
      aria-hidden="true"
      focusable="false"
    >
      <rect className="yard-sky" width="860" height="480" />
      <circle className="yard-light" cx="668" cy="112" r="44" />
      <path
        className="yard-hill far"
        d="M0 330C90 262 190 244 300 284s170-34 270-18 190-28 290 20v194H0z"
      />
      <path className="yard-hill" d="M0 352c116-40 246-44 380-6s310-26 480 8v126H0z" />
      <path className="yard-wall" d="M0 372h860v70H0z" />
      <path
        className="yard-tile"
        d="M0 360c140 7 290 9 430 9s290-2 430-9v15c-140 7-290 9-430 9S140 382 0 375z"
      />
      <g transform="translate(330 66) scale(.88)">
        <path className="yard-stone" d="M126 366h308l12 24H114z" />
        <path className="yard-wood" d="M146 222h268v144H146z" />
        <path className="yard-plaster" d="M160 254h58v100h-58zM342 254h58v100h-58z" />
        <path className="yard-paper" d="M230 254h100v112H230z" />
        <path
          className="yard-lattice"
          d="M230 254h100v112H230zM280 254v112M246.700 254v112M263.300 254v112M296.700 254v112M313.300 254v112M230 276.400h100M230 298.800h100M230 321.200h100M230 343.600h100"
        />
        <g className="yard-rafters">
          {rafters.map((x) => (
            <circle key={x} cx={x} cy="239" r="5.500" />
          ))}
        </g>
        <path
          className="yard-roof"
          d="M84 224c46-4 96-28 124-62h144c28 34 78 58 124 62 7 1 8 12 0 15-10 3-30-2-56-4-46-4-94-6-140-6s-94 2-140 6c-26 2-46 7-56 4-8-3-7-14 0-15z"
        />
        <path className="yard-ridge" d={tileLines} />
        <path
          className="yard-cap"
          d="M192 158c8-2 12-10 20-10h136c8 0 12 8 20 10 3 3 1 9-4 9H196c-5 0-7-6-4-9z"
        />
      </g>
      <g transform="translate(282 54) scale(.94)">
        <path
          className="yard-trunk"
          d="M540 404c2-54-2-100-14-144M532 304c18-18 34-28 56-32M528 280c-16-14-30-20-48-22"
        />
        <path
          className="yard-leaf"
          d="M470 250c-26-2-40-22-32-44 4-28 34-42 58-30 14-30 62-34 78-4 30-8 58 14 54 42 10 24-8 48-36 46-18 18-50 16-64-2-20 10-44 8-58-8z"
        />
        <g className="yard-fruit">
          <circle cx="470" cy="220" r="9" />
          <circle cx="512" cy="196" r="10" />
          <circle cx="548" cy="232" r="9" />
          <circle cx="586" cy="204" r="10" />
          <circle cx="604" cy="244" r="8" />
          <circle cx="498" cy="250" r="8" />
        </g>
      </g>
      <path className="yard-ground" d="M0 420c160-14 320 8 480 3s260-13 380-3v60H0z" />
      <g className="yard-jars" transform="translate(366 58)">
        <path d="M58 352c0-14 8-22 22-22s22 8 22 22c0 22-6 34-22 34s-22-12-22-34zM66 326h28v6H66z" />
        <path d="M22 364c0-10 6-16 16-16s16 6 16 16c0 16-4 24-16 24s-16-8-16-24zM28 344h20v5H28z" />
      </g>
    </svg>
  );
}
