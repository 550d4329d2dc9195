// The yard itself: tiled roofs, a lattice door with a light behind it, a persimmon tree, the sun by
// day and the moon by night (the colours are the theme's).
export function Yard() {
  return (
    <svg className="yard" viewBox="0 0 640 420" preserveAspectRatio="xMidYMax slice" aria-hidden="true" focusable="false">
      <rect className="yard-sky" width="640" height="420" />
      <circle className="yard-light" cx="470" cy="96" r="46" />
      <path className="yard-hill far" d="M0 262c70-62 150-74 226-30 62-58 150-66 214-8 60-44 134-42 200 10v186H0z" />
      <path className="yard-hill" d="M0 300c96-46 196-40 300 4 110-42 224-44 340-4v120H0z" />
      <g>
        <path className="yard-wall" d="M0 322h640v46H0z" />
        <path className="yard-tile" d="M0 312c106 6 214 8 320 8s214-2 320-8v14c-106 6-214 8-320 8s-214-2-320-8z" />
      </g>
      <g>
        <path className="yard-wood" d="M146 240h268v132H146z" />
        <path className="yard-plaster" d="M160 252h58v106h-58zM342 252h58v106h-58z" />
        <path className="yard-paper" d="M230 252h100v112H230z" />
        <path
          className="yard-lattice"
          d="M230 252h100v112H230zM280 252v112M246.700 252v112M263.300 252v112M296.700 252v112M313.300 252v112M230 274.400h100M230 296.800h100M230 319.200h100M230 341.600h100"
        />
        <path
          className="yard-roof"
          d="M96 226c34-4 84-26 112-62 6-8 12-10 20-10h104c8 0 14 2 20 10 28 36 78 58 112 62 8 1 10 8 4 12-14 10-30 14-46 12-30-4-52-14-72-26H210c-20 12-42 22-72 26-16 2-32-2-46-12-6-4-4-11 4-12z"
        />
        <path
          className="yard-ridge"
          d="M206 158h148M188 190h184M170 212h220M232 156l-18 64M256 156l-8 66M304 156l8 66M328 156l18 64M280 156v66"
        />
        <path className="yard-stone" d="M130 372h300l10 16H120z" />
      </g>
      <g>
        <path className="yard-trunk" d="M540 400c2-50-2-96-14-140M532 300c18-18 34-28 56-32M528 276c-16-14-30-20-48-22" />
        <path className="yard-leaf" d="M470 250c-26-2-40-22-32-44 4-28 34-42 58-30 14-30 62-34 78-4 30-8 58 14 54 42 10 24-8 48-36 46-18 18-50 16-64-2-20 10-44 8-58-8z" />
        <g className="yard-fruit">
          <circle cx="470" cy="220" r="9" />
          <circle cx="512" cy="196" r="10" />
          <circle cx="548" cy="232" r="9" />
          <circle cx="586" cy="204" r="10" />
          <circle cx="604" cy="244" r="8" />
          <circle cx="498" cy="250" r="8" />
        </g>
      </g>
      <path className="yard-ground" d="M0 368c120-12 240 8 360 4s190-12 280-2v50H0z" />
      <g className="yard-jars">
        <path d="M58 352c0-14 8-22 22-22s22 8 22 22c0 22-6 34-22 34s-22-12-22-34zM66 328h28v6H66z" />
        <path d="M22 364c0-10 6-16 16-16s16 6 16 16c0 16-4 24-16 24s-16-8-16-24zM28 346h20v5H28z" />
      </g>
    </svg>
  );
}
