//! Small data sets made for tests, and what becomes of damaged ones.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::*;

/// Grey images of a width and height, ink 1.
pub(crate) fn pixels(size: usize) -> Pixels {
    Pixels {
        size,
        channels: 1,
        inverted: true,
        ground: Ground::White,
        depth: None,
    }
}

/// A data set in a folder that goes away with it.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
}

/// An image like no other: a few strokes whose places are functions of the
/// numbers, ink on paper.
pub(crate) fn drawing(character: usize, drawer: usize) -> GrayImage {
    let ink = |x: u32, y: u32| {
        let (x, y) = (x as usize, y as usize);
        x == character % 7 || y == drawer % 7 || x * 5 + y * 3 == character * 11 + drawer
    };
    GrayImage::from_fn(7, 7, |x, y| Luma([if ink(x, y) { 0 } else { 255 }]))
}

fn png(image: &GrayImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

impl Fixture {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Omniglot as folders: so many characters, two thirds of them in the
    /// background set, each drawn so often.
    pub(crate) fn omniglot(characters: usize, drawers: usize) -> Self {
        let fixture = Self::empty();
        for character in 0..characters {
            for drawer in 0..drawers {
                let name = fixture.character(character, characters);
                let name = format!("{name}/{:04}_{:02}.png", character + 1, drawer + 1);
                fixture.put(&name, &png(&drawing(character, drawer)));
            }
        }
        // Both parts are there, however few characters there are.
        for part in ["images_background", "images_evaluation"] {
            if !fixture.path().join(part).is_dir() {
                let name = format!("{part}/Other/character01/9999_01.png");
                fixture.put(&name, &png(&drawing(99, 0)));
            }
        }
        fixture
    }

    /// Folder of a character.
    pub(crate) fn character(&self, character: usize, of: usize) -> String {
        let part = match character * 3 < of * 2 {
            true => "images_background",
            false => "images_evaluation",
        };
        format!("{part}/Alphabet/character{:02}", character + 1)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The same data set as the two archives.
    fn zipped(&self) -> Self {
        let zipped = Self::empty();
        for part in ["images_background", "images_evaluation"] {
            let file = fs::File::create(zipped.path().join(format!("{part}.zip"))).unwrap();
            let mut zip = zip::ZipWriter::new(file);
            let options = zip::write::SimpleFileOptions::default();
            zip.add_directory(format!("{part}/Alphabet"), options)
                .unwrap();
            let mut files = Vec::new();
            walk(&self.path().join(part), &mut files);
            for file in files {
                let name = file.strip_prefix(self.path()).unwrap();
                zip.start_file(name.to_str().unwrap(), options).unwrap();
                zip.write_all(&fs::read(file).unwrap()).unwrap();
            }
            zip.finish().unwrap();
        }
        zipped
    }

    pub(crate) fn bank(&self, pixels: Pixels) -> Arc<Bank> {
        Bank::open(
            &omniglot(self.path()).unwrap(),
            pixels,
            Normalise::default(),
        )
        .unwrap()
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in source::entries(folder).unwrap() {
        match path.is_dir() {
            true => walk(&path, files),
            false => files.push(path),
        }
    }
}

#[test]
fn archives_hold_what_their_folders_hold() {
    let folder = Fixture::omniglot(5, 3);
    let archive = folder.zipped();
    let (folder, archive) = (folder.bank(pixels(7)), archive.bank(pixels(7)));
    assert_eq!(folder.classes(), archive.classes());
    assert_eq!(folder.classes().len(), 5);
    for image in 0..15 {
        assert_eq!(folder.bytes(image), archive.bytes(image));
    }
    // Ink is 1, wherever it is on the image.
    let expected = drawing(1, 2);
    let expected: Vec<u8> = expected.as_raw().iter().map(|value| 255 - value).collect();
    assert_eq!(folder.bytes(3 + 2), expected);
}

#[test]
fn every_unusable_file_is_named() {
    let fixture = Fixture::omniglot(6, 4);
    let broken = format!("{}/0001_02.png", fixture.character(0, 6));
    let whole = fs::read(fixture.path().join(&broken)).unwrap();
    fixture.put(&broken, &whole[..whole.len() / 2]);
    let wrong = format!("{}/0005_05.png", fixture.character(1, 6));
    fixture.put(&wrong, &whole);
    let text = format!("{}/notes.txt", fixture.character(2, 6));
    fixture.put(&text, b"no image");
    let source = omniglot(fixture.path()).unwrap();
    let error = Bank::open(&source, pixels(7), Normalise::Unit).unwrap_err();
    let DataError::Problems { problems, .. } = &error else {
        panic!("{error}");
    };
    let of = |name: &str| -> Vec<&str> {
        let name = name.replace('/', std::path::MAIN_SEPARATOR_STR);
        let found = problems.iter().filter(|p| p.file.ends_with(&name));
        found.map(|problem| &problem.what[..]).collect()
    };
    assert_eq!(of(&broken).len(), 1, "{error}");
    assert!(
        of(&wrong)[0].contains("mislabelled: character 0005"),
        "{error}"
    );
    assert!(of(&text)[0].contains("no image"), "{error}");
    assert!(error.to_string().contains("files of"), "{error}");
}

#[test]
fn a_missing_data_set_says_where_it_was_looked_for() {
    let fixture = Fixture::empty();
    let error = omniglot(fixture.path()).unwrap_err().to_string();
    assert!(error.contains(fixture.path().to_str().unwrap()), "{error}");
    assert!(error.contains("--data, MAMLET_DATA"), "{error}");
    fixture.put("images_background/A/character01/0001_01.png", b"");
    let error = omniglot(fixture.path()).unwrap_err().to_string();
    assert!(error.starts_with("no images_evaluation"), "{error}");
    fixture.put("images_evaluation.zip", b"PK not quite");
    let error = omniglot(fixture.path()).unwrap_err().to_string();
    assert!(error.contains("images_evaluation.zip"), "{error}");
}

#[test]
fn a_damaged_cache_is_made_again() {
    let (fixture, folder) = (Fixture::omniglot(3, 3), tempfile::tempdir().unwrap());
    let source = omniglot(fixture.path()).unwrap();
    let (classes, found) = decode::classes(&source, pixels(7)).unwrap();
    let bank = fixture.bank(pixels(7));
    let decoded = cache::Decoded {
        size: 7,
        channels: 1,
        classes: bank.classes().to_vec(),
        found,
        pixels: classes.concat(),
    };
    let path = cache::file(folder.path(), "omniglot", 3);
    cache::write(&path, 3, &decoded).unwrap();
    assert_eq!(cache::read(&path, 3).unwrap(), decoded);
    assert!(cache::read(&path, 4).is_err(), "of another data set");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        assert!(cache::read(&path, 3).is_err(), "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert!(cache::read(&path, 3).is_err(), "cut off at {at}");
    }
}

#[test]
fn a_changed_file_is_another_data_set() {
    let fixture = Fixture::omniglot(3, 3);
    let digest = || omniglot(fixture.path()).unwrap().digest().unwrap();
    let before = digest();
    assert_eq!(before, digest());
    let image = format!("{}/0001_01.png", fixture.character(0, 3));
    fixture.put(&image, &png(&GrayImage::new(40, 7)));
    assert_ne!(before, digest());
}

/// A folder of colour images: classes of each split by name, six images each,
/// `[height, width] = [4, 4]`, of the colour [`colour`].
fn coloured(put: impl Fn(&Fixture, &str, &[&str])) -> Fixture {
    let fixture = Fixture::empty();
    put(&fixture, "train", &["n00000001", "n00000002"]);
    put(&fixture, "val", &["n00000003"]);
    put(&fixture, "test", &["n00000004"]);
    fixture
}

/// The colour of an image of a class.
fn colour(class: &str, image: usize) -> [u8; 3] {
    let class = class.as_bytes()[8] - b'0';
    [class * 10, image as u8 * 20, class + image as u8]
}

fn tile(class: &str, image: usize) -> RgbImage {
    RgbImage::from_pixel(4, 4, Rgb(colour(class, image)))
}

fn rgb_png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn as_folders() -> Fixture {
    coloured(|fixture, split, classes| {
        for class in classes {
            for image in 0..6 {
                let name = format!("{split}/{class}/{class}_{image:02}.png");
                fixture.put(&name, &rgb_png(&tile(class, image)));
            }
        }
    })
}

fn as_lists() -> Fixture {
    coloured(|fixture, split, classes| {
        let mut list = "filename,label\n".to_owned();
        for class in classes {
            for image in 0..6 {
                let name = format!("{class}_{image:02}.png");
                fixture.put(&format!("images/{name}"), &rgb_png(&tile(class, image)));
                list += &format!("{name},{class}\n");
            }
        }
        fixture.put(&format!("{split}.csv"), list.as_bytes());
    })
}

/// Sheets of two rows of three tiles.
fn as_sheets() -> Fixture {
    let fixture = coloured(|fixture, split, classes| {
        for class in classes {
            let sheet = RgbImage::from_fn(12, 8, |x, y| {
                Rgb(colour(class, (y / 4 * 3 + x / 4) as usize))
            });
            fixture.put(&format!("{split}/{class}.png"), &rgb_png(&sheet));
        }
    });
    fixture.put("sheets.toml", b"tile = 4\ncolumns = 3\n");
    fixture
}

fn listed(fixture: &Fixture) -> Result<Source, DataError> {
    let folder = ImageFolder {
        path: fixture.path(),
        sheets: None,
    };
    folder.list()
}

#[test]
fn folders_lists_and_sheets_hold_the_same_images() {
    for fixture in [as_folders(), as_lists(), as_sheets()] {
        let colour_pixels = Pixels {
            size: 4,
            channels: 3,
            inverted: false,
            ground: Ground::White,
            depth: None,
        };
        let bank = Bank::open(&listed(&fixture).unwrap(), colour_pixels, Normalise::Unit).unwrap();
        let classes: Vec<_> = bank
            .classes()
            .iter()
            .map(|c| (&c.name[..], c.group))
            .collect();
        let (train, validation, test) = (Group::Train, Group::Validation, Group::Test);
        let expected = [
            ("n00000001", train),
            ("n00000002", train),
            ("n00000003", validation),
            ("n00000004", test),
        ];
        assert_eq!(classes, expected);
        for class in bank.classes() {
            assert_eq!(class.count, 6);
            for image in 0..6 {
                let expected = colour(&class.name, image).repeat(16);
                assert_eq!(bank.bytes(class.first + image), expected);
            }
        }
    }
}

#[test]
fn mistakes_in_lists_and_sheets_are_named_with_their_place() {
    let problems = |fixture: &Fixture| -> String {
        let problems = listed(fixture).unwrap().problems;
        problems
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect()
    };
    let lists = as_lists();
    lists.put(
        "train.csv",
        b"filename,label\nn00000001_00.png,n00000002\nn00000001_09.png,n00000001\n\
          n00000001_01.png,n00000001\nn00000001_01.png,n00000001\n",
    );
    let message = problems(&lists);
    for part in [
        "train.csv, line 2: mislabelled: n00000001_00.png is of n00000001",
        "train.csv, line 3: missing: n00000001_09.png",
        "train.csv, line 5: n00000001_01.png is listed twice",
    ] {
        assert!(message.contains(part), "{message}");
    }
    lists.put("train.csv", b"file,label\n");
    let error = listed(&lists).unwrap_err().to_string();
    assert!(error.contains("expected are filename,label"), "{error}");

    let sheets = as_sheets();
    sheets.put("train/n00000001.png", &rgb_png(&RgbImage::new(16, 8)));
    sheets.put("train/n00000002.png", b"no image at all");
    sheets.put(
        "test.csv",
        b"filename,label\nn00000004_00.png,n00000004\nx,n00000009\n",
    );
    let message = problems(&sheets);
    for part in [
        "n00000001.png: 16 pixels wide, where 3 tiles of 4 are 12",
        "n00000002.png: ",
        "test.csv: missing: the split has no sheet of its class n00000009",
    ] {
        assert!(message.contains(part), "{message}");
    }
    fs::remove_file(sheets.path().join("sheets.toml")).unwrap();
    let error = listed(&sheets).unwrap_err().to_string();
    assert!(error.contains("tasks.sheets = { tile = PIXELS"), "{error}");
}

/// Three splits of a class each, two images a class.
fn of_images(image: impl Fn(usize) -> image::DynamicImage) -> Fixture {
    let fixture = Fixture::empty();
    for (class, split) in ["train", "val", "test"].into_iter().enumerate() {
        for at in 0..2 {
            let mut bytes = std::io::Cursor::new(Vec::new());
            let image = image(class * 2 + at);
            image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            fixture.put(&format!("{split}/c{class}/{at}.png"), &bytes.into_inner());
        }
    }
    fixture
}

#[test]
fn the_largest_value_of_a_data_set_says_how_deep_its_images_are() {
    let deep = |at: usize| {
        let image = image::ImageBuffer::from_fn(4, 4, |x, _| Luma([x as u16 * 200 * at as u16]));
        image::DynamicImage::ImageLuma16(image)
    };
    let fixture = of_images(deep);
    let source = listed(&fixture).unwrap();
    let upright = Pixels {
        inverted: false,
        ..pixels(4)
    };
    let bank = Bank::open(&source, upright, Normalise::Unit).unwrap();
    let found = bank.found();
    assert_eq!((found.deep, found.largest, found.bits), (6, 3000, 12));
    // By the data set's depth, not by each image's own.
    assert_eq!(bank.bytes(5)[3], 187, "of 3000 in 4095");
    assert_eq!(bank.bytes(1)[3], 37, "of 600 in 4095");
    assert_eq!(bank.blank(), [(0, 0)]);
    let all = Pixels {
        depth: Some(16),
        ..upright
    };
    let bank = Bank::open(&source, all, Normalise::Unit).unwrap();
    assert_eq!(bank.bytes(5)[3], 12, "of 3000 in 65535");
}

#[test]
fn a_class_of_blank_images_is_named() {
    let ink = |at: usize| {
        let alpha = |x: u32| if x as usize == at { 255 } else { 0 };
        let image = image::ImageBuffer::from_fn(6, 6, |x, _| image::Rgba([0, 0, 0, alpha(x)]));
        image::DynamicImage::ImageRgba8(image)
    };
    let fixture = of_images(ink);
    let source = listed(&fixture).unwrap();
    let open = |ground| {
        let pixels = Pixels {
            ground,
            ..pixels(6)
        };
        Bank::open(&source, pixels, Normalise::Unit)
    };
    let bank = open(Ground::White).unwrap();
    assert_eq!((bank.found().transparent, bank.blank()), (6, Vec::new()));
    assert_eq!(
        &bank.bytes(2)[..6],
        [0, 0, 255, 0, 0, 0],
        "ink is what counts"
    );
    let error = open(Ground::Black).unwrap_err().to_string();
    for part in [
        "3 classes of",
        "c1",
        "0.png",
        "one value all over",
        "tasks.ground",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
