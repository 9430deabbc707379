from parts import config, loader, model, show


def main():
    from jobs import make

    loop = make(model, config)
    print(loop.train(loader)[1]['train_accuracy'])


main()
show()
